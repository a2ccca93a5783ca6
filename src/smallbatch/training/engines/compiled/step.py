"""The training step of one replica: forward, backward and SGD over the layers of a tape
(`tape.py`).

This is the textbook loop in compiled code. Replicas train one after another, so they cannot depend
on each other.
"""

import math

import numpy as np

from smallbatch.training.engines.compiled import loss, norms, pixels, products
from smallbatch.training.engines.compiled.cache import jit, kept_jit
from smallbatch.training.engines.compiled.rows import clear
from smallbatch.training.engines.compiled.tensor import (
    ABSENT,
    AT,
    CHANNELS,
    HEIGHT,
    ROW,
    STEP,
    WIDTH,
    ZERO,
)
from smallbatch.training.engines.compiled.vector import decayed, momentum_step, sgd_step

# The kinds of layer on a tape, and the columns of its rows.
CONVOLUTION, LINEAR, NORM, SUM, MAX_POOL, MEAN_POOL, SUBSAMPLE, POOL_WINDOWS = range(8)
(
    KIND,
    X,
    Y,
    OTHER,
    WEIGHT,
    BIAS,
    HAS_BIAS,
    SIZE,
    STRIDE,
    PADDING,
    TO_X,
    TO_OTHER,
    RECTIFY,
    NORM_NUMBER,
    SAVED,
) = range(15)
COLUMNS = 15
# Sources of batch-norm statistics. Not Python integers, for which Numba would compile other
# versions.
BATCH, FIXED, OBSERVED, POPULATION = np.arange(4)
NOTHING = np.int64(-1)


@kept_jit
def forward(tape, tensors, places, a, p, chunks, settings, mean, variance, n, mode, watched, sums):
    """Run the layers in order for `n` examples with their images in tensor 0.

    With `mode` BATCH, batch norm uses the statistics of each chunk and updates the running `mean`
    and `variance`; with OBSERVED, it adds them to `sums` instead. With FIXED, it uses `mean` and
    `variance`. POPULATION is like FIXED, but adds the sums of the input of norm layer `watched`,
    and of its squares, to `sums` and returns there.
    """
    work = places[1]
    for o in range(len(tape)):
        op = tape[o]
        kind, x, y = op[KIND], tensors[op[X]], tensors[op[Y]]
        if kind == CONVOLUTION:
            products.convolution(
                a, p, x, y, op[WEIGHT], op[BIAS], op[SIZE], op[STRIDE], op[PADDING], n
            )
        elif kind == LINEAR:
            products.linear(a, p, x, y, op[WEIGHT], op[BIAS], n)
        elif kind == NORM:
            layer = op[NORM_NUMBER]
            c, at, b = x[CHANNELS], chunks[layer, 0], chunks[layer, 1]
            gamma, beta, eps, momentum = (
                op[WEIGHT],
                op[BIAS],
                settings[layer, 0],
                settings[layer, 1],
            )
            here, there = mean[at : at + c], variance[at : at + c]
            if mode in (FIXED, POPULATION):
                if mode == POPULATION and layer == watched:
                    norms.sums_of(a, x, n, sums[0, at : at + c], sums[1, at : at + c])
                    return
                _prepare(a, here, there, op[SAVED], c, eps)
                norms.normalise(
                    a, p, x, y, ZERO, n, op[SAVED], op[SAVED] + c, gamma, beta, op[RECTIFY], work
                )
            else:
                count = b * x[HEIGHT] * x[WIDTH]
                for chunk in range(n // b):
                    saved = op[SAVED] + 2 * c * chunk
                    norms.chunk_statistics(a, x, chunk * b, b, saved, saved + c, work)
                    means, variances = a[saved : saved + c], a[saved + c : saved + 2 * c]
                    for k in range(c):
                        unbiased = variances[k] * (count / (count - 1))
                        if mode == BATCH:
                            here[k] += momentum * (means[k] - here[k])
                            there[k] += momentum * (unbiased - there[k])
                        else:
                            sums[0, at + k] += means[k]
                            sums[1, at + k] += unbiased
                        variances[k] = 1 / math.sqrt(variances[k] + eps)
                    norms.normalise(
                        a, p, x, y, chunk * b, b, saved, saved + c, gamma, beta, op[RECTIFY], work
                    )
        elif kind == SUM:
            pixels.add_and_rectify(a, x, y, tensors[op[OTHER]], op[TO_OTHER] >= 0, op[RECTIFY], n)
        elif kind == MAX_POOL:
            pixels.max_pool(a, x, y, n)
        elif kind == MEAN_POOL:
            pixels.mean_pool(a, x, y, n)
        elif kind == SUBSAMPLE:
            pixels.subsample(a, x, y, op[STRIDE], op[PADDING], n)
        elif kind == POOL_WINDOWS:
            pixels.pool_windows(a, x, y, op[SIZE], op[STRIDE], op[PADDING], n)


@jit
def _prepare(a, mean, variance, saved, c, eps):
    means, deviations = a[saved : saved + c], a[saved + c : saved + 2 * c]
    for k in range(c):
        means[k] = mean[k]
        deviations[k] = 1 / math.sqrt(variance[k] + eps)


@kept_jit
def backward(tape, tensors, places, a, p, g, chunks, n):
    """Run the layers in reverse order and add the gradient of every parameter to `g`."""
    zeros, work, turned = places[0], places[1], places[2]
    for o in range(len(tape) - 1, -1, -1):
        op = tape[o]
        kind, x, y, to_x = op[KIND], tensors[op[X]], tensors[op[Y]], op[TO_X]
        if kind == CONVOLUTION:
            products.convolution_backward(
                a,
                p,
                g,
                x,
                y,
                op[WEIGHT],
                op[BIAS],
                op[HAS_BIAS],
                op[SIZE],
                op[STRIDE],
                op[PADDING],
                n,
                to_x,
                turned,
                zeros,
                work,
            )
        elif kind == LINEAR:
            products.linear_backward(
                a, p, g, x, y, op[WEIGHT], op[BIAS], op[HAS_BIAS], n, to_x, turned, zeros, work
            )
        elif kind == NORM:
            c, b = x[CHANNELS], chunks[op[NORM_NUMBER], 1]
            for chunk in range(n // b):
                saved = op[SAVED] + 2 * c * chunk
                norms.normalise_backward(
                    a,
                    p,
                    g,
                    x,
                    y,
                    chunk * b,
                    b,
                    saved,
                    saved + c,
                    op[WEIGHT],
                    op[BIAS],
                    op[RECTIFY],
                    to_x,
                    work,
                )
        elif kind == SUM:
            if op[RECTIFY]:
                pixels.rectify_backward(a, y, n)
            if op[TO_OTHER] >= 0:
                pixels.pass_gradient(a, y, tensors[op[OTHER]], op[TO_OTHER], n)
            pixels.pass_gradient(a, y, x, to_x, n)
        elif to_x == ABSENT:
            continue
        elif kind == MAX_POOL:
            pixels.max_pool_backward(a, x, y, n, to_x, work)
        elif kind == MEAN_POOL:
            pixels.mean_pool_backward(a, x, y, n, to_x, work)
        elif kind == SUBSAMPLE:
            pixels.subsample_backward(a, x, y, op[STRIDE], op[PADDING], n, to_x)
        elif kind == POOL_WINDOWS:
            pixels.pool_windows_backward(a, x, y, op[SIZE], op[STRIDE], op[PADDING], n, to_x, work)


@jit
def gather(a, x, images, chosen):
    """Copy the chosen `images` ``[N, H, W, C]`` to tensor x."""
    length = x[WIDTH] * x[CHANNELS]
    for i in range(len(chosen)):
        image = images[chosen[i]].reshape(-1)
        for h in range(x[HEIGHT]):
            at = x[AT] + i * x[STEP] + h * x[ROW]
            row, source = a[at : at + length], image[h * length : (h + 1) * length]
            for j in range(length):
                row[j] = source[j]


@jit
def descend(p, g, velocity, lr, momentum, nesterov, decay, trained):
    """Update the weights `p` with the mean gradient `g` and rate η = `lr`:

        v <- momentum·v + (g + decay·θ),   θ <- θ - η v

    as in torch.optim.SGD (Sutskever et al. 2013). With `nesterov` (0 or 1), ``θ <- θ - η (g +
    decay·θ + momentum·v)`` with the new v. With a rate of zero, the weights do not change, whatever
    the gradient.
    """
    if decay:
        decayed((g, 0, p, 0, decay, g, 0, trained))
    if momentum:
        momentum_step((velocity, 0, g, 0, momentum, velocity, 0, trained))
    if nesterov:
        momentum_step((velocity, 0, g, 0, momentum, g, 0, trained))
    if lr == 0:
        return
    if momentum and not nesterov:
        sgd_step((p, 0, velocity, 0, lr, p, 0, trained))
    else:
        sgd_step((p, 0, g, 0, lr, p, 0, trained))


@kept_jit
def train(
    net,
    a,
    g,
    p,
    velocity,
    means,
    variances,
    images,
    labels,
    order,
    piece,
    lr,
    momentum,
    nesterov,
    decay,
    total,
):
    """Make one update of SGD (`descend`) per row of `order` (indices of examples ``[updates, m]``).

    A batch is processed in pieces of `piece` examples, and gradients are accumulated. ``lr[u]`` is
    the rate η of update u. Returns `total` plus the losses.
    """
    tape, tensors, places, chunks, settings = net
    trained, classes, logits = places[3], places[4], tensors[places[5]]
    m = order.shape[1]
    losses, correct, chosen = np.empty(m, p.dtype), np.empty(m, np.bool_), np.empty(m, np.int64)
    sums = np.empty((2, 0), np.float64)
    for u in range(len(order)):
        clear(g, ZERO, trained)
        mean = 0.0
        for start in range(0, m, piece):
            n = min(piece, m - start)
            for i in range(n):
                chosen[i] = labels[order[u, start + i]]
            gather(a, tensors[0], images, order[u, start : start + n])
            forward(
                tape,
                tensors,
                places,
                a,
                p,
                chunks,
                settings,
                means,
                variances,
                n,
                BATCH,
                NOTHING,
                sums,
            )
            loss.cross_entropy(a, logits, chosen, classes, losses, correct, n, m)
            backward(tape, tensors, places, a, p, g, chunks, n)
            for i in range(n):
                mean += losses[i] / m
        descend(p, g, velocity, lr[u], momentum, nesterov, decay, trained)
        total += mean
    return total


@kept_jit
def evaluate(net, a, p, mean, variance, images, labels, size, mode, watched, sums, losses, correct):
    """Compute the loss and correctness of every example, in slices of `size`, with the statistics
    of `mode` (see `forward`).

    Losses and correctness are only computed with FIXED. With OBSERVED, examples that do not fill a
    chunk are dropped. Returns the number of examples processed.
    """
    tape, tensors, places, chunks, settings = net
    chosen, seen = np.arange(size), 0
    for start in range(0, len(images), size):
        n = min(size, len(images) - start)
        if mode == OBSERVED:
            n = n // chunks[0, 1] * chunks[0, 1]
        if n == 0:
            continue
        seen += n
        gather(a, tensors[0], images[start : start + n], chosen[:n])
        forward(
            tape, tensors, places, a, p, chunks, settings, mean, variance, n, mode, watched, sums
        )
        if mode == FIXED:
            loss.cross_entropy(
                a,
                tensors[places[5]],
                labels[start : start + n],
                places[4],
                losses[start : start + n],
                correct[start : start + n],
                n,
                n,
            )
    return seen
