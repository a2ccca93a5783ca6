"""Labels of a data frame, whole numbers that became floats."""

import numpy as np

SOURCE = "catboost/catboost#1174"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2),
            (np.arange(n) % 2).astype(np.float64),
        )
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
