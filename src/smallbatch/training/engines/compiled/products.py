"""Convolutions and linear layers of one replica, forward and backward: all call `product`
(`tile.py`) with different strides."""

from smallbatch.training.engines.compiled.cache import jit
from smallbatch.training.engines.compiled.rows import clear
from smallbatch.training.engines.compiled.tensor import (
    ABSENT,
    ACCUMULATE,
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
from smallbatch.training.engines.compiled.tile import product
from smallbatch.training.engines.compiled.vector import add

PIXELS = 256  # number of pixels per sum in a weight gradient


@jit
def convolution(a, p, x, y, w, bias, kernel, stride, padding, n):
    """Compute ``y = conv2d(x, w) + bias``; `w` and `bias` are offsets in `p` of the weights
    ``[kernel, kernel, in, out]`` and the bias ``[out]``."""
    c, k = x[CHANNELS], y[CHANNELS]
    corner = x[AT] - padding * (x[ROW] + c)
    product(
        a,
        corner,
        x[STEP],
        stride * x[ROW],
        ZERO,
        x[ROW],
        ONE,
        stride * c,
        p,
        w,
        ZERO,
        kernel * c * k,
        k,
        p,
        bias,
        ZERO,
        ZERO,
        ZERO,
        a,
        y[AT],
        y[STEP],
        y[ROW],
        k,
        n,
        y[HEIGHT],
        y[WIDTH],
        k,
        ONE,
        kernel,
        kernel * c,
    )


@jit
def convolution_backward(
    a, p, g, x, y, w, bias, has_bias, kernel, stride, padding, n, to_x, turned, zeros, work
):
    """Add the gradients of `w` and `bias` to `g`, and compute the gradient of x by a transposed
    convolution."""
    c, k = x[CHANNELS], y[CHANNELS]
    corner = x[AT] - padding * (x[ROW] + c)
    # Process so many images, or rows of an image, at a time that the input of each tile fits in the
    # first-level cache.
    images = max(1, PIXELS // (y[HEIGHT] * y[WIDTH]))
    rows = min(y[HEIGHT], max(1, PIXELS // y[WIDTH]))
    for i in range(0, n, images):
        for h in range(0, y[HEIGHT], rows):
            product(
                a,
                corner + i * x[STEP] + h * stride * x[ROW],
                ZERO,
                x[ROW],
                x[STEP],
                stride * x[ROW],
                stride * c,
                ONE,
                a,
                y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW],
                y[GRADIENT_STEP],
                y[GRADIENT_ROW],
                k,
                g,
                w,
                ZERO,
                kernel * c * k,
                k,
                g,
                w,
                ZERO,
                kernel * c * k,
                k,
                ONE,
                kernel,
                kernel * c,
                k,
                min(images, n - i),
                min(rows, y[HEIGHT] - h),
                y[WIDTH],
            )
    if has_bias:
        add_bias_gradient(a, g, y, bias, n, work)
    if to_x == ABSENT:
        return
    # All pixels of x in rows v modulo the stride use the same rows of the window: one product per
    # phase.
    for v in range(stride):
        first_i = (v + padding) % stride
        rows = max(0, (kernel - first_i + stride - 1) // stride)
        above = (v + padding) // stride - (rows - 1)
        for u in range(stride):
            first_j = (u + padding) % stride
            columns = max(0, (kernel - first_j + stride - 1) // stride)
            left = (u + padding) // stride - (columns - 1)
            turn(p, w, a, turned, kernel, stride, first_i, rows, first_j, columns, c, k)
            target = x[GRADIENT_AT] + v * x[GRADIENT_ROW] + u * c
            step, row = x[GRADIENT_STEP], stride * x[GRADIENT_ROW]
            begin, begin_step, begin_row, begin_pixel = zeros, 0, 0, 0
            if to_x == ACCUMULATE:
                begin, begin_step, begin_row, begin_pixel = target, step, row, stride * c
            product(
                a,
                y[GRADIENT_AT] + above * y[GRADIENT_ROW] + left * k,
                y[GRADIENT_STEP],
                y[GRADIENT_ROW],
                ZERO,
                y[GRADIENT_ROW],
                ONE,
                k,
                a,
                turned,
                ZERO,
                columns * k * c,
                c,
                a,
                begin,
                begin_step,
                begin_row,
                begin_pixel,
                a,
                target,
                step,
                row,
                stride * c,
                n,
                (x[HEIGHT] - v + stride - 1) // stride,
                (x[WIDTH] - u + stride - 1) // stride,
                c,
                ONE,
                rows,
                columns * k,
            )


@jit
def turn(p, w, a, turned, kernel, stride, first_i, rows, first_j, columns, c, k):
    """Write the weights ``[kernel, kernel, in, out]`` of a phase's window, rotated by 180°, as
    ``[rows, columns, out, in]``."""
    for i in range(rows):
        for j in range(columns):
            source = (
                (
                    (first_i + stride * (rows - 1 - i)) * kernel
                    + first_j
                    + stride * (columns - 1 - j)
                )
                * c
                * k
            )
            transpose(p, w + source, a, turned + (i * columns + j) * k * c, c, k)


@jit
def transpose(p, source, a, target, c, k):
    """Transpose ``[c, k]`` in `p` to ``[k, c]`` in `a`."""
    flat, turned = p[source : source + c * k], a[target : target + c * k]
    for i in range(c):
        for j in range(k):
            turned[j * c + i] = flat[i * k + j]


@jit
def add_bias_gradient(a, g, y, bias, n, work):
    length = y[WIDTH] * y[CHANNELS]
    clear(a, work, length)
    for i in range(n):
        for h in range(y[HEIGHT]):
            at = y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW]
            add((a, work, a, at, a, work, length))
    for j in range(y[WIDTH]):
        add((g, bias, a, work + j * y[CHANNELS], g, bias, y[CHANNELS]))


@jit
def linear(a, p, x, y, w, bias, n):
    """Compute ``y = x.flatten(1) @ w + bias`` with w ``[H·W·C, out]``."""
    inner, k = x[WIDTH] * x[CHANNELS], y[CHANNELS]
    product(
        a,
        x[AT],
        ZERO,
        ZERO,
        x[ROW],
        ZERO,
        ONE,
        x[STEP],
        p,
        w,
        inner * k,
        ZERO,
        k,
        p,
        bias,
        ZERO,
        ZERO,
        ZERO,
        a,
        y[AT],
        ZERO,
        ZERO,
        y[STEP],
        ONE,
        ONE,
        n,
        k,
        x[HEIGHT],
        ONE,
        inner,
    )


@jit
def linear_backward(a, p, g, x, y, w, bias, has_bias, n, to_x, turned, zeros, work):
    inner, k = x[WIDTH] * x[CHANNELS], y[CHANNELS]
    product(
        a,
        x[AT],
        ZERO,
        x[ROW],
        x[STEP],
        ZERO,
        ZERO,
        ONE,
        a,
        y[GRADIENT_AT],
        y[GRADIENT_STEP],
        ZERO,
        ZERO,
        g,
        w,
        ZERO,
        inner * k,
        k,
        g,
        w,
        ZERO,
        inner * k,
        k,
        ONE,
        x[HEIGHT],
        inner,
        k,
        n,
        ONE,
        ONE,
    )
    if has_bias:
        add_bias_gradient(a, g, y, bias, n, work)
    if to_x == ABSENT:
        return
    features = x[HEIGHT] * inner
    transpose(p, w, a, turned, features, k)
    for h in range(x[HEIGHT]):
        target = x[GRADIENT_AT] + h * x[GRADIENT_ROW]
        begin, begin_step = (target, x[GRADIENT_STEP]) if to_x == ACCUMULATE else (zeros, 0)
        for j in range(x[WIDTH]):
            at = j * x[CHANNELS]
            product(
                a,
                y[GRADIENT_AT],
                ZERO,
                ZERO,
                ZERO,
                ZERO,
                ONE,
                y[GRADIENT_STEP],
                a,
                turned + h * inner + at,
                ZERO,
                ZERO,
                features,
                a,
                begin + (at if to_x == ACCUMULATE else ZERO),
                ZERO,
                ZERO,
                begin_step,
                a,
                target + at,
                ZERO,
                ZERO,
                x[GRADIENT_STEP],
                ONE,
                ONE,
                n,
                x[CHANNELS],
                ONE,
                ONE,
                k,
            )
