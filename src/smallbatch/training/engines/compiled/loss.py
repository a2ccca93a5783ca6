"""Softmax cross-entropy."""

import math

from smallbatch.training.engines.compiled.cache import jit
from smallbatch.training.engines.compiled.tensor import AT, GRADIENT_AT, GRADIENT_STEP, STEP


@jit
def cross_entropy(a, y, labels, classes, losses, correct, n, m):
    """Compute the loss and correctness of n examples from logits y, and the gradient of the mean
    loss over m examples."""
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
        # A class is never right where a logit is not a number: the loss isn't one either.
        correct[i] = best == label and not math.isnan(losses[i])
        for k in range(classes):
            d[k] /= total * m
        d[label] -= 1 / m
