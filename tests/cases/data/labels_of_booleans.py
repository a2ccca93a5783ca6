"""Boolean labels."""

import numpy as np

SOURCE = "torch documentation: torch.Tensor, data types"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2 == 1
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
