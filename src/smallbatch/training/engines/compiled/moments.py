"""Moments of per-example gradients, for the rules that choose the batch size
(`training/engines/adaptive.py`).

After a backward pass over a batch (`step.train` with rate 0), the input of every layer and the
gradient of its output are still in memory. The sums of the *squares* of per-example gradients are
computed from them: for a linear layer as the product of the squares, for a convolution example by
example.
"""

import numpy as np

from smallbatch.training.engines.compiled import products
from smallbatch.training.engines.compiled.cache import jit, kept_jit
from smallbatch.training.engines.compiled.rows import clear
from smallbatch.training.engines.compiled.step import (
    BIAS,
    CONVOLUTION,
    HAS_BIAS,
    KIND,
    LINEAR,
    PADDING,
    SIZE,
    STRIDE,
    WEIGHT,
    X,
    Y,
    descend,
)
from smallbatch.training.engines.compiled.tensor import (
    ABSENT,
    AT,
    CHANNELS,
    GRADIENT_AT,
    GRADIENT_ROW,
    GRADIENT_STEP,
    HEIGHT,
    ONE,
    ROW,
    STEP,
    WIDTH,
    ZERO,
)

# No gradient of the input. Not a Python integer, for which Numba would compile another version.
NO_GRADIENT = np.int64(ABSENT)


@jit
def copy_squares(a, at, step, row, out, to, n, height, length):
    """Write the squares of n examples' rows to `out`, contiguously from offset `to`."""
    for i in range(n):
        for h in range(height):
            begin = at + i * step + h * row
            source, target = a[begin : begin + length], out[to : to + length]
            for j in range(length):
                target[j] = source[j] * source[j]
            to += length


@jit
def add_squares_of(e, at, length, s2):
    one, total = e[at : at + length], s2[at : at + length]
    for j in range(length):
        total[j] += one[j] * one[j]


@kept_jit
def add_squares(net, a, e, p, s2, scratch, n):
    """Add to `s2` the squared terms of the last n examples in the mean gradient, (∇ℓ_i / n)².

    `e` is a buffer for a gradient, `scratch` a buffer for the squares of a linear layer's input and
    of the gradient of its output.
    """
    tape, tensors, places, _, _ = net
    work, turned, zeros = places[1], places[2], places[0]
    for o in range(len(tape)):
        op = tape[o]
        x, y = tensors[op[X]].copy(), tensors[op[Y]].copy()
        w, bias, has_bias, k = op[WEIGHT], op[BIAS], op[HAS_BIAS], y[CHANNELS]
        if op[KIND] == CONVOLUTION:
            size = op[SIZE] * op[SIZE] * x[CHANNELS] * k
            for _ in range(n):
                clear(e, w, size)
                if has_bias:
                    clear(e, bias, k)
                products.convolution_backward(
                    a,
                    p,
                    e,
                    x,
                    y,
                    w,
                    bias,
                    has_bias,
                    op[SIZE],
                    op[STRIDE],
                    op[PADDING],
                    ONE,
                    NO_GRADIENT,
                    turned,
                    zeros,
                    work,
                )
                add_squares_of(e, w, size, s2)
                if has_bias:
                    add_squares_of(e, bias, k, s2)
                x[AT] += x[STEP]
                y[GRADIENT_AT] += y[GRADIENT_STEP]
        elif op[KIND] == LINEAR:
            length = x[WIDTH] * x[CHANNELS]
            features = x[HEIGHT] * length
            behind = n * features
            copy_squares(a, x[AT], x[STEP], x[ROW], scratch, ZERO, n, x[HEIGHT], length)
            copy_squares(
                a, y[GRADIENT_AT], y[GRADIENT_STEP], y[GRADIENT_ROW], scratch, behind, n, ONE, k
            )
            x[AT], x[STEP], x[ROW] = 0, features, length
            y[GRADIENT_AT], y[GRADIENT_STEP], y[GRADIENT_ROW] = behind, k, k
            products.linear_backward(
                scratch,
                p,
                s2,
                x,
                y,
                w,
                bias,
                has_bias,
                n,
                NO_GRADIENT,
                turned,
                zeros,
                behind + n * k,
            )


@kept_jit
def weigh(s1, s2, velocity, blocks, n, momentum):
    """``(f·f, f·p, Σ_j Σ_jj, Σ_j f_j² Σ_jj)`` of blocks of n examples; p = momentum·velocity + f.

    `s1` is the sum of the blocks' mean gradients, `s2` the sum from `add_squares`. Sums are in
    double precision.
    """
    f2, mu, trace, sigma2 = 0.0, 0.0, 0.0, 0.0
    m = blocks * n
    scale, whole, rest = 1.0 / blocks, float(n * n) / (m - 1), float(m) / (m - 1)
    for j in range(len(s1)):
        f = scale * s1[j]
        spread = max(whole * s2[j] - rest * f * f, 0.0)
        f2 += f * f
        mu += f * (momentum * velocity[j] + f) if momentum else f * f
        trace += spread
        sigma2 += f * f * spread
    return f2, mu, trace, sigma2


@kept_jit
def apply(p, g, velocity, lr, momentum, decay, trained):
    """Make one update with the mean gradient `g` of the blocks of a batch."""
    descend(p, g, velocity, lr, momentum, 0, decay, trained)
