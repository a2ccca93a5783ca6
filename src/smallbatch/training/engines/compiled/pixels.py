"""Sums, ReLU, pooling and shortcuts of one replica, forward and backward."""

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
    ROW,
    STEP,
    WIDTH,
    WRITE,
)
from smallbatch.training.engines.compiled.vector import (
    add,
    copy,
    give_to_largest,
    larger_of_two,
    largest,
    largest_backward,
    relu,
    relu_backward,
    scaled,
)


@jit
def add_and_rectify(a, x, y, other, has_other, rectify, n):
    """Compute ``y = relu(x + other)``; the sum and the ReLU are both optional, and y can be x."""
    length = x[WIDTH] * x[CHANNELS]
    for i in range(n):
        for h in range(x[HEIGHT]):
            u, v = x[AT] + i * x[STEP] + h * x[ROW], y[AT] + i * y[STEP] + h * y[ROW]
            if has_other:
                add((a, u, a, other[AT] + i * other[STEP] + h * other[ROW], a, v, length))
            elif u != v:
                copy((a, u, a, v, length))
            if rectify:
                relu((a, v, a, v, length))


@jit
def rectify_backward(a, y, n):
    """Backward pass of ReLU, in place."""
    length = y[WIDTH] * y[CHANNELS]
    for i in range(n):
        for h in range(y[HEIGHT]):
            v = y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW]
            relu_backward((a, v, a, y[AT] + i * y[STEP] + h * y[ROW], a, v, length))


@jit
def pass_gradient(a, y, x, to_x, n):
    """Copy or add the gradient of y to that of x."""
    length = x[WIDTH] * x[CHANNELS]
    if to_x == ABSENT or x[GRADIENT_AT] == y[GRADIENT_AT]:
        return
    for i in range(n):
        for h in range(x[HEIGHT]):
            v = y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW]
            u = x[GRADIENT_AT] + i * x[GRADIENT_STEP] + h * x[GRADIENT_ROW]
            if to_x == ACCUMULATE:
                add((a, u, a, v, a, u, length))
            else:
                copy((a, v, a, u, length))


@jit
def clear_gradient(a, x, n):
    for i in range(n):
        for h in range(x[HEIGHT]):
            clear(
                a,
                x[GRADIENT_AT] + i * x[GRADIENT_STEP] + h * x[GRADIENT_ROW],
                x[WIDTH] * x[CHANNELS],
            )


@jit
def max_pool(a, x, y, n):
    """2×2 max-pooling; for odd sizes, the last row or column is dropped, as in torch."""
    c = x[CHANNELS]
    for i in range(n):
        for h in range(y[HEIGHT]):
            top = x[AT] + i * x[STEP] + 2 * h * x[ROW]
            bottom, to = top + x[ROW], y[AT] + i * y[STEP] + h * y[ROW]
            for j in range(y[WIDTH]):
                q = 2 * j * c
                largest(
                    (a, top + q, a, top + q + c, a, bottom + q, a, bottom + q + c, a, to + j * c, c)
                )


@jit
def max_pool_backward(a, x, y, n, to_x, work):
    c = x[CHANNELS]
    if to_x == WRITE and (x[HEIGHT] % 2 or x[WIDTH] % 2):
        clear_gradient(a, x, n)
    for i in range(n):
        for h in range(y[HEIGHT]):
            top = x[AT] + i * x[STEP] + 2 * h * x[ROW]
            bottom, to = top + x[ROW], y[AT] + i * y[STEP] + h * y[ROW]
            gradient = y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW]
            above = x[GRADIENT_AT] + i * x[GRADIENT_STEP] + 2 * h * x[GRADIENT_ROW]
            below = above + x[GRADIENT_ROW]
            for j in range(y[WIDTH]):
                q, s = 2 * j * c, j * c
                if to_x == WRITE:
                    largest_backward(
                        (
                            a,
                            top + q,
                            a,
                            top + q + c,
                            a,
                            bottom + q,
                            a,
                            bottom + q + c,
                            a,
                            to + s,
                            a,
                            gradient + s,
                            a,
                            above + q,
                            a,
                            above + q + c,
                            a,
                            below + q,
                            a,
                            below + q + c,
                            c,
                        )
                    )
                else:
                    largest_backward(
                        (
                            a,
                            top + q,
                            a,
                            top + q + c,
                            a,
                            bottom + q,
                            a,
                            bottom + q + c,
                            a,
                            to + s,
                            a,
                            gradient + s,
                            a,
                            work,
                            a,
                            work + c,
                            a,
                            work + 2 * c,
                            a,
                            work + 3 * c,
                            c,
                        )
                    )
                    add((a, above + q, a, work, a, above + q, 2 * c))
                    add((a, below + q, a, work + 2 * c, a, below + q, 2 * c))


@jit
def window(at, size, stride, padding, length):
    """The range (start, stop) of rows or columns of an image in the pooling window `at`."""
    start = at * stride - padding
    return max(start, 0), min(start + size, length)


@jit
def pool_windows(a, x, y, size, stride, padding, n):
    """Max-pooling over general windows, which are clipped at the border."""
    c = x[CHANNELS]
    for i in range(n):
        for h in range(y[HEIGHT]):
            top, bottom = window(h, size, stride, padding, x[HEIGHT])
            for j in range(y[WIDTH]):
                left, right = window(j, size, stride, padding, x[WIDTH])
                to = y[AT] + i * y[STEP] + h * y[ROW] + j * c
                copy((a, x[AT] + i * x[STEP] + top * x[ROW] + left * c, a, to, c))
                for row in range(top, bottom):
                    u = x[AT] + i * x[STEP] + row * x[ROW]
                    for column in range(left, right):
                        larger_of_two((a, to, a, u + column * c, a, to, c))


@jit
def pool_windows_backward(a, x, y, size, stride, padding, n, to_x, work):
    """Add the gradient of each output to that of the first pixel in its window with the same
    value."""
    c = x[CHANNELS]
    if to_x == WRITE:
        clear_gradient(a, x, n)
    for i in range(n):
        for h in range(y[HEIGHT]):
            top, bottom = window(h, size, stride, padding, x[HEIGHT])
            for j in range(y[WIDTH]):
                left, right = window(j, size, stride, padding, x[WIDTH])
                to = y[AT] + i * y[STEP] + h * y[ROW] + j * c
                copy(
                    (
                        a,
                        y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW] + j * c,
                        a,
                        work,
                        c,
                    )
                )
                for row in range(top, bottom):
                    u = x[AT] + i * x[STEP] + row * x[ROW]
                    v = x[GRADIENT_AT] + i * x[GRADIENT_STEP] + row * x[GRADIENT_ROW]
                    for column in range(left, right):
                        q = column * c
                        give_to_largest((a, u + q, a, to, a, work, a, v + q, a, v + q, a, work, c))


@jit
def mean_pool(a, x, y, n):
    """The mean over all pixels."""
    c = x[CHANNELS]
    for i in range(n):
        to = y[AT] + i * y[STEP]
        clear(a, to, c)
        for h in range(x[HEIGHT]):
            for j in range(x[WIDTH]):
                add((a, to, a, x[AT] + i * x[STEP] + h * x[ROW] + j * c, a, to, c))
        scaled((a, to, 1 / (x[HEIGHT] * x[WIDTH]), a, to, c))


@jit
def mean_pool_backward(a, x, y, n, to_x, work):
    c = x[CHANNELS]
    for i in range(n):
        scaled((a, y[GRADIENT_AT] + i * y[GRADIENT_STEP], 1 / (x[HEIGHT] * x[WIDTH]), a, work, c))
        for h in range(x[HEIGHT]):
            for j in range(x[WIDTH]):
                u = x[GRADIENT_AT] + i * x[GRADIENT_STEP] + h * x[GRADIENT_ROW] + j * c
                if to_x == ACCUMULATE:
                    add((a, u, a, work, a, u, c))
                else:
                    copy((a, work, a, u, c))


@jit
def subsample(a, x, y, stride, shift, n):
    """Copy every `stride`-th pixel, shifted by `shift` channels, with zeros in the other channels
    (He et al. 2016, shortcut A)."""
    c, k = x[CHANNELS], y[CHANNELS]
    for i in range(n):
        for h in range(y[HEIGHT]):
            for j in range(y[WIDTH]):
                u = x[AT] + i * x[STEP] + h * stride * x[ROW] + j * stride * c
                v = y[AT] + i * y[STEP] + h * y[ROW] + j * k
                clear(a, v, k)
                copy((a, u, a, v + shift, c))


@jit
def subsample_backward(a, x, y, stride, shift, n, to_x):
    c, k = x[CHANNELS], y[CHANNELS]
    if to_x == WRITE:
        clear_gradient(a, x, n)
    for i in range(n):
        for h in range(y[HEIGHT]):
            for j in range(y[WIDTH]):
                u = (
                    x[GRADIENT_AT]
                    + i * x[GRADIENT_STEP]
                    + h * stride * x[GRADIENT_ROW]
                    + j * stride * c
                )
                v = y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW] + j * k
                add((a, u, a, v + shift, a, u, c))
