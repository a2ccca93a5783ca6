"""Operations on a row of pixels: clear it, sum it over pixels, and repeat channels along it."""

from smallbatch.training.engines.compiled.cache import jit
from smallbatch.training.engines.compiled.vector import add, copy, scaled


@jit
def clear(a, at, length):
    part = a[at : at + length]
    for i in range(length):
        part[i] = 0


@jit
def fold(a, row, target, c, width, factor):
    """Compute ``a[target:][c] = factor · Σ_w a[row:][w, c]``; `target` can be `row`."""
    if target != row:
        copy((a, row, a, target, c))
    for j in range(1, width):
        add((a, target, a, row + j * c, a, target, c))
    scaled((a, target, factor, a, target, c))


@jit
def repeat(a, source, row, c, width):
    for j in range(width):
        copy((a, source, a, row + j * c, c))
