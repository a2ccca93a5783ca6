"""Labels in a list, as they were gathered in a loop."""

import numpy as np

SOURCE = "huggingface/sentence-transformers#418"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2),
            [int(i % 2) for i in range(n)],
        )
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
