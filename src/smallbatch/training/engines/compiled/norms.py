"""Batch norm over chunks of the examples, forward and backward (Ioffe & Szegedy 2015; Hoffer et al.
2017)."""

from smallbatch.training.engines.compiled.cache import jit
from smallbatch.training.engines.compiled.rows import clear, fold, repeat
from smallbatch.training.engines.compiled.tensor import (
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
)
from smallbatch.training.engines.compiled.vector import (
    add,
    add_deviations,
    add_products,
    affine,
    affine_relu,
    norm_backward,
    relu_backward,
)


@jit
def chunk_statistics(a, x, first, b, mean, variance, work):
    """Write the mean and biased variance of each channel over examples ``first .. first + b`` to
    the offsets `mean` and `variance`."""
    c, width, height = x[CHANNELS], x[WIDTH], x[HEIGHT]
    length, count = width * c, b * height * width
    shift, squares = work + length, work + 2 * length
    clear(a, work, length)
    for h in range(height):
        add((a, work, a, x[AT] + first * x[STEP] + h * x[ROW], a, work, length))
    fold(a, work, mean, c, width, 1 / (height * width))
    repeat(a, mean, shift, c, width)
    # One pass over the chunk: sums of x - s and (x - s)², with the first image's mean s, avoid
    # cancellation (Chan, Golub & LeVeque 1983).
    clear(a, work, length)
    clear(a, squares, length)
    for i in range(first, first + b):
        for h in range(height):
            at = x[AT] + i * x[STEP] + h * x[ROW]
            add_deviations((a, work, a, squares, a, at, a, shift, a, work, a, squares, length))
    fold(a, work, work, c, width, 1 / count)
    fold(a, squares, variance, c, width, 1 / count)
    means, variances, offsets = a[mean : mean + c], a[variance : variance + c], a[work : work + c]
    for k in range(c):
        means[k] += offsets[k]
        variances[k] = max(variances[k] - offsets[k] * offsets[k], 0)


@jit
def sums_of(a, x, n, totals, squares):
    """Add the sums of each channel's values and of their squares to `totals` and `squares`
    (float64)."""
    c = x[CHANNELS]
    for i in range(n):
        for h in range(x[HEIGHT]):
            for j in range(x[WIDTH]):
                at = x[AT] + i * x[STEP] + h * x[ROW] + j * c
                pixel = a[at : at + c]
                for k in range(c):
                    totals[k] += pixel[k]
                    squares[k] += float(pixel[k]) * float(pixel[k])


@jit
def normalise(a, p, x, y, first, b, mean, deviation, gamma, beta, rectify, work):
    """Compute ``y = (x - mean)·gamma/sqrt(variance + eps) + beta`` for examples ``first .. first +
    b``, followed by ReLU if `rectify`.

    `deviation` is the offset of 1/sqrt(variance + eps).
    """
    c, width = x[CHANNELS], x[WIDTH]
    length = width * c
    scale, shift = work, work + length
    scales, shifts, means = a[scale : scale + c], a[shift : shift + c], a[mean : mean + c]
    deviations, gammas, betas = (
        a[deviation : deviation + c],
        p[gamma : gamma + c],
        p[beta : beta + c],
    )
    for k in range(c):
        scales[k] = gammas[k] * deviations[k]
        shifts[k] = betas[k] - means[k] * scales[k]
    repeat(a, scale, scale, c, width)
    repeat(a, shift, shift, c, width)
    for i in range(first, first + b):
        for h in range(x[HEIGHT]):
            u, v = x[AT] + i * x[STEP] + h * x[ROW], y[AT] + i * y[STEP] + h * y[ROW]
            if rectify:
                affine_relu((a, u, a, scale, a, shift, a, v, length))
            else:
                affine((a, u, a, scale, a, shift, a, v, length))


@jit
def normalise_backward(a, p, g, x, y, first, b, mean, deviation, gamma, beta, rectify, to_x, work):
    """Backward pass of `normalise` with the statistics of the chunk (Ioffe & Szegedy 2015, section
    3)."""
    c, width, height = x[CHANNELS], x[WIDTH], x[HEIGHT]
    length, count = width * c, b * height * width
    means, sums, products, spare = work, work + length, work + 2 * length, work + 3 * length
    repeat(a, mean, means, c, width)
    clear(a, sums, length)
    clear(a, products, length)
    for i in range(first, first + b):
        for h in range(height):
            u, v = (
                x[AT] + i * x[STEP] + h * x[ROW],
                y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW],
            )
            if rectify:
                relu_backward((a, v, a, y[AT] + i * y[STEP] + h * y[ROW], a, v, length))
            add_products((a, sums, a, products, a, v, a, u, a, means, a, sums, a, products, length))
    fold(a, sums, spare, c, width, 1.0)
    fold(a, products, spare + c, c, width, 1.0)
    sum_, dot, deviations = (
        a[spare : spare + c],
        a[spare + c : spare + 2 * c],
        a[deviation : deviation + c],
    )
    c0, c1, c2 = sums, products, spare + 2 * c
    first_, second, third = a[c0 : c0 + c], a[c1 : c1 + c], a[c2 : c2 + c]
    gammas, gamma_gradient, beta_gradient = (
        p[gamma : gamma + c],
        g[gamma : gamma + c],
        g[beta : beta + c],
    )
    for k in range(c):
        beta_gradient[k] += sum_[k]
        gamma_gradient[k] += dot[k] * deviations[k]
        first_[k] = gammas[k] * deviations[k]
        second[k] = -first_[k] * deviations[k] * deviations[k] * dot[k] / count
        third[k] = -first_[k] * sum_[k] / count
    for at in (c0, c1, c2):
        repeat(a, at, at, c, width)
    for i in range(first, first + b):
        for h in range(height):
            u, v = (
                x[AT] + i * x[STEP] + h * x[ROW],
                y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW],
            )
            target = x[GRADIENT_AT] + i * x[GRADIENT_STEP] + h * x[GRADIENT_ROW]
            if to_x == ACCUMULATE:
                made = c2 + length
                norm_backward((a, v, a, u, a, means, a, c0, a, c1, a, c2, a, made, length))
                add((a, target, a, made, a, target, length))
            else:
                norm_backward((a, v, a, u, a, means, a, c0, a, c1, a, c2, a, target, length))
