"""Images in double precision."""

import numpy as np

SOURCE = "torch documentation: torch.from_numpy"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = np.arange(4.0 * n).reshape(n, 1, 2, 2), np.arange(n) % 2
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.float32).reshape(n, 1, 2, 2), np.arange(n) % 2
