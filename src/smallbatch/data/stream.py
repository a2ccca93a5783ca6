"""The order in which a point sees its training examples."""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=512)
def permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    """The order of the `size` examples in one epoch (from 0), fixed by `seed` and `epoch` alone."""
    order = np.random.Generator(np.random.PCG64([seed, epoch])).permutation(size)
    order.flags.writeable = False  # cached: one copy for all
    return order


def stream(seed: int, size: int, start: int, stop: int) -> np.ndarray:
    """Positions ``start <= i < stop`` of the endless stream of per-epoch permutations, int64.

    Batches are consecutive slices of it: every update has exactly m examples, and every batch size
    sees the same sequence. An epoch's end falls inside a batch where m doesn't divide `size`.
    """
    if start >= stop:
        return np.empty(0, np.int64)
    first, last = start // size, (stop - 1) // size
    epochs = [permutation(seed, epoch, size) for epoch in range(first, last + 1)]
    return np.concatenate(epochs)[start - first * size : stop - first * size]


DRAWN = 2**32 - 1  # in place of an epoch: no epoch has that number


@lru_cache(maxsize=16)
def fresh(seed: int, update: int, size: int, purpose: int = DRAWN) -> np.ndarray:
    """All `size` examples in an order fixed by `seed` and `update`: the first m of it are a draw
    without replacement.

    Whatever m is, an update of the same number begins with the same examples. Other purposes draw
    otherwise.
    """
    return np.random.Generator(np.random.PCG64([seed, purpose, update])).permutation(size)
