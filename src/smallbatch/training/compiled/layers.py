"""Layers of one replica, forward and reverse, on activations ``[examples, H, W, C]`` in one flat array.

A tensor is a row of ten integers: where its values begin (at pixel 0 of example 0), the steps to the next example and row,
the same three for its gradient, then C, H, W. Around values and gradients lies a border of zeros, as wide as
the convolutions that read them need. C is a multiple of LANES, padded with zeros, but for the images.
"""

import math

import numpy as np

from smallbatch.training.compiled.cache import jit
from smallbatch.training.compiled.tile import product
from smallbatch.training.compiled.vector import (
    add,
    add_deviations,
    add_products,
    affine,
    affine_relu,
    copy,
    largest,
    largest_backward,
    norm_backward,
    relu,
    relu_backward,
    scaled,
)

AT, STEP, ROW, GRADIENT_AT, GRADIENT_STEP, GRADIENT_ROW, CHANNELS, HEIGHT, WIDTH = range(9)
ABSENT, WRITE, ACCUMULATE = 0, 1, 2  # what a layer does with the gradient of its input
PIXELS = 256  # summed at once in a weight gradient
ZERO, ONE = np.int64(0), np.int64(1)  # a bare number would make Numba compile `product` for each set of numbers


@jit
def convolution(a, p, x, y, w, bias, kernel, stride, padding, n):
    """``y = conv2d(x, w) + bias``; `w` is the offset in `p` of weights ``[kernel, kernel, in, out]``, `bias` of ``[out]``."""
    c, k = x[CHANNELS], y[CHANNELS]
    corner = x[AT] - padding * (x[ROW] + c)
    product(a, corner, x[STEP], stride * x[ROW], ZERO, x[ROW], ONE, stride * c,
            p, w, ZERO, kernel * c * k, k,
            p, bias, ZERO, ZERO, ZERO,
            a, y[AT], y[STEP], y[ROW], k,
            n, y[HEIGHT], y[WIDTH], k, ONE, kernel, kernel * c)  # fmt: skip


@jit
def convolution_backward(a, p, g, x, y, w, bias, has_bias, kernel, stride, padding, n, to_x, turned, zeros, work):
    """Adds the gradients of `w` and `bias` to `g`; that of x by the transposed convolution."""
    c, k = x[CHANNELS], y[CHANNELS]
    corner = x[AT] - padding * (x[ROW] + c)
    # So many images, or rows of one, at a time that what each tile reads of them stays in the first-level cache.
    images = max(1, PIXELS // (y[HEIGHT] * y[WIDTH]))
    rows = min(y[HEIGHT], max(1, PIXELS // y[WIDTH]))
    for i in range(0, n, images):
        for h in range(0, y[HEIGHT], rows):
            product(a, corner + i * x[STEP] + h * stride * x[ROW], ZERO, x[ROW], x[STEP], stride * x[ROW], stride * c, ONE,
                    a, y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW], y[GRADIENT_STEP], y[GRADIENT_ROW], k,
                    g, w, ZERO, kernel * c * k, k,
                    g, w, ZERO, kernel * c * k, k,
                    ONE, kernel, kernel * c, k,
                    min(images, n - i), min(rows, y[HEIGHT] - h), y[WIDTH])  # fmt: skip
    if has_bias:
        add_bias_gradient(a, g, y, bias, n, work)
    if to_x == ABSENT:
        return
    # Pixels of x whose row is v modulo the stride meet the same rows of the window: one product for each such phase.
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
            product(a, y[GRADIENT_AT] + above * y[GRADIENT_ROW] + left * k, y[GRADIENT_STEP], y[GRADIENT_ROW],
                    ZERO, y[GRADIENT_ROW], ONE, k,
                    a, turned, ZERO, columns * k * c, c,
                    a, begin, begin_step, begin_row, begin_pixel,
                    a, target, step, row, stride * c,
                    n, (x[HEIGHT] - v + stride - 1) // stride, (x[WIDTH] - u + stride - 1) // stride, c,
                    ONE, rows, columns * k)  # fmt: skip


@jit
def turn(p, w, a, turned, kernel, stride, first_i, rows, first_j, columns, c, k):
    """Weights ``[kernel, kernel, in, out]`` of a phase's window, turned round, as ``[rows, columns, out, in]``."""
    for i in range(rows):
        for j in range(columns):
            source = ((first_i + stride * (rows - 1 - i)) * kernel + first_j + stride * (columns - 1 - j)) * c * k
            transpose(p, w + source, a, turned + (i * columns + j) * k * c, c, k)


@jit
def transpose(p, source, a, target, c, k):
    """``[c, k]`` in `p` to ``[k, c]`` in `a`."""
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
    """``y = x.flatten(1) @ w + bias``, `w` being ``[H·W·C, out]``."""
    inner, k = x[WIDTH] * x[CHANNELS], y[CHANNELS]
    product(a, x[AT], ZERO, ZERO, x[ROW], ZERO, ONE, x[STEP],
            p, w, inner * k, ZERO, k,
            p, bias, ZERO, ZERO, ZERO,
            a, y[AT], ZERO, ZERO, y[STEP],
            ONE, ONE, n, k, x[HEIGHT], ONE, inner)  # fmt: skip


@jit
def linear_backward(a, p, g, x, y, w, bias, has_bias, n, to_x, turned, zeros, work):
    inner, k = x[WIDTH] * x[CHANNELS], y[CHANNELS]
    product(a, x[AT], ZERO, x[ROW], x[STEP], ZERO, ZERO, ONE,
            a, y[GRADIENT_AT], y[GRADIENT_STEP], ZERO, ZERO,
            g, w, ZERO, inner * k, k,
            g, w, ZERO, inner * k, k,
            ONE, x[HEIGHT], inner, k, n, ONE, ONE)  # fmt: skip
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
            product(a, y[GRADIENT_AT], ZERO, ZERO, ZERO, ZERO, ONE, y[GRADIENT_STEP],
                    a, turned + h * inner + at, ZERO, ZERO, features,
                    a, begin + (at if to_x == ACCUMULATE else ZERO), ZERO, ZERO, begin_step,
                    a, target + at, ZERO, ZERO, x[GRADIENT_STEP],
                    ONE, ONE, n, x[CHANNELS], ONE, ONE, k)  # fmt: skip


@jit
def clear(a, at, length):
    part = a[at : at + length]
    for i in range(length):
        part[i] = 0


@jit
def fold(a, row, target, c, width, factor):
    """``a[target:][c] = factor · Σ_w a[row:][w, c]``; `target` may be `row`."""
    if target != row:
        copy((a, row, a, target, c))
    for j in range(1, width):
        add((a, target, a, row + j * c, a, target, c))
    scaled((a, target, factor, a, target, c))


@jit
def repeat(a, source, row, c, width):
    for j in range(width):
        copy((a, source, a, row + j * c, c))


@jit
def chunk_statistics(a, x, first, b, mean, variance, work):
    """Mean and biased variance of each channel over examples ``first .. first + b``, to offsets `mean`, `variance`."""
    c, width, height = x[CHANNELS], x[WIDTH], x[HEIGHT]
    length, count = width * c, b * height * width
    shift, squares = work + length, work + 2 * length
    clear(a, work, length)
    for h in range(height):
        add((a, work, a, x[AT] + first * x[STEP] + h * x[ROW], a, work, length))
    fold(a, work, mean, c, width, 1 / (height * width))
    repeat(a, mean, shift, c, width)
    # One pass over the chunk: sums of x - s and of its square, s being the first image's mean, lose no digits
    # (Chan, Golub & LeVeque 1983).
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
    """Adds the sums of each channel's values and of their squares to `totals` and `squares` (float64)."""
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
    """``y = (x - mean)·gamma/deviation + beta`` for examples ``first .. first + b``; `rectify`: then ReLU.

    `deviation` is the offset of 1/sqrt(variance + eps).
    """
    c, width = x[CHANNELS], x[WIDTH]
    length = width * c
    scale, shift = work, work + length
    scales, shifts, means = a[scale : scale + c], a[shift : shift + c], a[mean : mean + c]
    deviations, gammas, betas = a[deviation : deviation + c], p[gamma : gamma + c], p[beta : beta + c]
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
    """The reverse of `normalise` with the statistics of the chunk itself (Ioffe & Szegedy 2015, section 3)."""
    c, width, height = x[CHANNELS], x[WIDTH], x[HEIGHT]
    length, count = width * c, b * height * width
    means, sums, products, spare = work, work + length, work + 2 * length, work + 3 * length
    repeat(a, mean, means, c, width)
    clear(a, sums, length)
    clear(a, products, length)
    for i in range(first, first + b):
        for h in range(height):
            u, v = x[AT] + i * x[STEP] + h * x[ROW], y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW]
            if rectify:
                relu_backward((a, v, a, y[AT] + i * y[STEP] + h * y[ROW], a, v, length))
            add_products((a, sums, a, products, a, v, a, u, a, means, a, sums, a, products, length))
    fold(a, sums, spare, c, width, 1.0)
    fold(a, products, spare + c, c, width, 1.0)
    sum_, dot, deviations = a[spare : spare + c], a[spare + c : spare + 2 * c], a[deviation : deviation + c]
    c0, c1, c2 = sums, products, spare + 2 * c
    first_, second, third = a[c0 : c0 + c], a[c1 : c1 + c], a[c2 : c2 + c]
    gammas, gamma_gradient, beta_gradient = p[gamma : gamma + c], g[gamma : gamma + c], g[beta : beta + c]
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
            u, v = x[AT] + i * x[STEP] + h * x[ROW], y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW]
            target = x[GRADIENT_AT] + i * x[GRADIENT_STEP] + h * x[GRADIENT_ROW]
            if to_x == ACCUMULATE:
                made = c2 + length
                norm_backward((a, v, a, u, a, means, a, c0, a, c1, a, c2, a, made, length))
                add((a, target, a, made, a, target, length))
            else:
                norm_backward((a, v, a, u, a, means, a, c0, a, c1, a, c2, a, target, length))


@jit
def add_and_rectify(a, x, y, other, has_other, rectify, n):
    """``y = relu(x + other)``, either part being optional; y may be x."""
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
    """Turns the gradient after a ReLU into the one before it, in place."""
    length = y[WIDTH] * y[CHANNELS]
    for i in range(n):
        for h in range(y[HEIGHT]):
            v = y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW]
            relu_backward((a, v, a, y[AT] + i * y[STEP] + h * y[ROW], a, v, length))


@jit
def pass_gradient(a, y, x, to_x, n):
    """Hands the gradient of y to x, unchanged."""
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
            clear(a, x[GRADIENT_AT] + i * x[GRADIENT_STEP] + h * x[GRADIENT_ROW], x[WIDTH] * x[CHANNELS])


@jit
def max_pool(a, x, y, n):
    """2×2 max-pooling; the last row and column of odd sizes are left out, as in torch."""
    c = x[CHANNELS]
    for i in range(n):
        for h in range(y[HEIGHT]):
            top = x[AT] + i * x[STEP] + 2 * h * x[ROW]
            bottom, to = top + x[ROW], y[AT] + i * y[STEP] + h * y[ROW]
            for j in range(y[WIDTH]):
                q = 2 * j * c
                largest((a, top + q, a, top + q + c, a, bottom + q, a, bottom + q + c, a, to + j * c, c))


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
                    largest_backward((a, top + q, a, top + q + c, a, bottom + q, a, bottom + q + c, a, to + s, a, gradient + s,
                                      a, above + q, a, above + q + c, a, below + q, a, below + q + c, c))  # fmt: skip
                else:
                    largest_backward((a, top + q, a, top + q + c, a, bottom + q, a, bottom + q + c, a, to + s, a, gradient + s,
                                      a, work, a, work + c, a, work + 2 * c, a, work + 3 * c, c))  # fmt: skip
                    add((a, above + q, a, work, a, above + q, 2 * c))
                    add((a, below + q, a, work + 2 * c, a, below + q, 2 * c))


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
    """Every `stride`-th pixel, `shift` channels further on, zeros beside them (He et al. 2016, shortcut A)."""
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
                u = x[GRADIENT_AT] + i * x[GRADIENT_STEP] + h * stride * x[GRADIENT_ROW] + j * stride * c
                v = y[GRADIENT_AT] + i * y[GRADIENT_STEP] + h * y[GRADIENT_ROW] + j * k
                add((a, u, a, v + shift, a, u, c))


@jit
def cross_entropy(a, y, labels, classes, losses, correct, n):
    """Loss and correctness of each example from logits y, and the gradient of the mean loss."""
    for i in range(n):
        at, to = y[AT] + i * y[STEP], y[GRADIENT_AT] + i * y[GRADIENT_STEP]
        z, d = a[at : at + classes], a[to : to + classes]
        best = 0
        for k in range(1, classes):
            if z[k] > z[best]:
                best = k
        top, label = z[best], labels[i]
        total = math.exp(z[0] - top)
        d[0] = total
        for k in range(1, classes):
            d[k] = math.exp(z[k] - top)
            total += d[k]
        losses[i] = math.log(total) + top - z[label]
        correct[i] = best == label
        for k in range(classes):
            d[k] /= total * n
        d[label] -= 1 / n
