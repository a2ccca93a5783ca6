"""A data function that takes its keys as **options."""

import numpy as np

SOURCE = "Python documentation: keyword arguments"
OUTCOME = "trains"
DATASET = {"version": 3, "fraction": 0.5}


def data(sizes, **options):
    assert options == {"version": 3, "fraction": 0.5}
    made = {}
    for split, n in sizes.items():
        made[split] = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
