"""The memory layout of a tape's activations for a number of examples."""

from dataclasses import dataclass

import numpy as np

from smallbatch.training.engines.compiled import step
from smallbatch.training.engines.compiled.tape import Tape
from smallbatch.training.engines.compiled.tensor import (
    AT,
    CHANNELS,
    GRADIENT_AT,
    GRADIENT_ROW,
    GRADIENT_STEP,
    HEIGHT,
    ROW,
    STEP,
    WIDTH,
)

CACHE_LINE = 16  # single-precision numbers
NINE = 9  # columns of a tensor's row


@dataclass(frozen=True)
class Layout:
    """A tape with its memory layout: `net` is the argument of the compiled functions, `size` the
    number of elements that they need."""

    net: tuple
    size: int


def lay_out(tape: Tape, examples: int, bn_batch_size: int | None, gradients: bool = True) -> Layout:
    """Place every tensor for up to `examples` examples; without `gradients`, no memory is reserved
    for the backward pass."""
    end = 0

    def reserve(numbers: int) -> int:
        nonlocal end
        at = end
        # An odd number of cache lines between tensors avoids conflicts in the cache.
        end += (-(-numbers // CACHE_LINE) | 1) * CACHE_LINE
        return at

    row = max(max(t.width * t.padded, t.padded) for t in tape.tensors)
    zeros, work = reserve(tape.widest), reserve(8 * row + 4 * tape.widest)
    largest = max((np.prod(cells) for cells in _weights(tape)), default=1)
    turned = reserve(int(largest))

    storages: dict[int, dict] = {}
    tensors = np.zeros((len(tape.tensors), NINE), np.int64)
    for number, t in enumerate(tape.tensors):
        c = t.padded
        found = storages.setdefault(t.storage, {})
        for part, (at, step_, row_) in enumerate(
            ((AT, STEP, ROW), (GRADIENT_AT, GRADIENT_STEP, GRADIENT_ROW))
        ):
            if part and (not gradients or t.maker is None):
                continue
            border = tape.borders[t.storage][part]
            line = (t.width + 2 * border) * c
            image = (t.height + 2 * border) * line
            if part not in found:
                found[part] = reserve(examples * image) + border * (line + c)
            tensors[number, at], tensors[number, step_], tensors[number, row_] = (
                found[part],
                image,
                line,
            )
        tensors[number, CHANNELS], tensors[number, HEIGHT], tensors[number, WIDTH] = (
            c,
            t.height,
            t.width,
        )

    chunks = -(-examples // (bn_batch_size or max(1, examples)))
    rows = np.array(tape.rows, np.int64).reshape(len(tape.rows), step.COLUMNS)
    norms, at = np.zeros((max(1, len(tape.norms)), 2), np.int64), 0
    for number, layer in enumerate(tape.norms):
        norms[number] = at, layer.bn_batch_size
        at += -(-layer.channels // 8) * 8
    for layer_row in rows:
        if layer_row[step.KIND] == step.NORM:
            layer_row[step.SAVED] = reserve(2 * tensors[layer_row[step.X], CHANNELS] * chunks)
        elif layer_row[step.BIAS] < 0:
            layer_row[step.BIAS] = tape.parameters  # the zeros behind the parameters
    settings = np.array(
        [[layer.eps, layer.momentum] for layer in tape.norms] or [[0.0, 0.0]], np.float64
    )
    places = np.array([zeros, work, turned, tape.parameters, tape.classes, tape.logits], np.int64)
    return Layout((rows, tensors, places, norms, settings), end)


def _weights(tape: Tape):
    for row in tape.rows:
        x, y = (tape.tensors[row[column]] for column in (step.X, step.Y))
        if row[step.KIND] == step.CONVOLUTION:
            yield row[step.SIZE] ** 2, x.padded, y.padded
        elif row[step.KIND] == step.LINEAR:
            yield x.height * x.width, x.padded, y.padded
