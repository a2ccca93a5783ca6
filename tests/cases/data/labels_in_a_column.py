"""Labels of shape [n, 1], such as a column of a table."""

import numpy as np

SOURCE = "phiyodr/building-inspection-toolkit#2"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2),
            (np.arange(n) % 2)[:, None],
        )
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
