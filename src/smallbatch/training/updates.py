"""The examples of each update, with augmentation if the study enables it."""

from collections.abc import Callable

import numpy as np

from smallbatch.core.records import Fleet
from smallbatch.data.augment import Augmented, moves_in
from smallbatch.data.read import Split
from smallbatch.data.stream import fresh, stream
from smallbatch.schedules.course import Phase, is_adaptive
from smallbatch.training.engines.trainer import ReplicaTrainer

Update = Callable[[slice, np.ndarray, np.ndarray], None]


def batches(seeds: list[int], m: int, size: int, seen: int, updates: int) -> np.ndarray:
    """Indices ``[R, updates, m]`` into the training set (of `size` examples) for the updates after
    `seen` examples."""
    streams = [stream(seed, size, seen, seen + updates * m) for seed in seeds]
    return np.stack(streams).reshape(len(seeds), updates, m)


def fresh_batches(seeds: list[int], m: int, size: int, first: int, updates: int) -> np.ndarray:
    """Like `batches`, but each update samples from the whole training set without replacement;
    `first` is the number of the first update."""
    drawn = [
        [fresh(seed, update, size)[:m] for update in range(first, first + updates)]
        for seed in seeds
    ]
    return np.array(drawn, np.int64)


def batches_of(phase: Phase, fleet: Fleet, seeds: list[int], size: int) -> np.ndarray:
    """The examples of a phase's updates ``[R, updates, m]``, according to the fleet's sampling."""
    number, m = phase.stop - phase.first, phase.batch_size
    # With fresh sampling, an adaptive trainer draws its examples itself
    # (`training/engines/adaptive.py`).
    if fleet["schedule"].get("sampling") == "fresh" and not is_adaptive(fleet):
        return fresh_batches(seeds, m, size, phase.first, number)
    return batches(seeds, m, size, phase.examples, number)


def augmenting(
    trainer: ReplicaTrainer,
    train: Split,
    fleet: Fleet,
    seeds: list[int],
    order: np.ndarray,
    seen: int,
) -> Update:
    """A function ``update(part, lr, total)`` that makes a part of the updates on the examples
    `order`, augmented if enabled.

    `seen` is the number of examples before these updates. ``lr`` ``[updates, R]`` are the rates of
    the part; losses are added to ``total`` ``[R]``.
    """
    augmentation = fleet.get("augmentation")
    if not augmentation:
        return lambda part, lr, total: trainer.update(
            train, np.ascontiguousarray(order[:, part]), lr, total
        )
    replicas, updates, m = order.shape
    drawn = [
        moves_in(seed, len(train.labels), seen, seen + updates * m, augmentation) for seed in seeds
    ]
    moves = np.stack(drawn).reshape(replicas, updates, m, 3)
    augmented = Augmented(train, augmentation["padding"], replicas * m)
    at_once = augmented.at_once // (replicas * m)  # updates

    def update(part: slice, lr: np.ndarray, total: np.ndarray) -> None:
        for start in range(part.start, part.stop, at_once):
            piece = slice(start, min(start + at_once, part.stop))
            rates = lr[start - part.start : piece.stop - part.start]
            trainer.update(*augmented(order[:, piece], moves[:, piece]), rates, total)

    return update
