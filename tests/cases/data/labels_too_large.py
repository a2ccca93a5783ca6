"""Labels beyond 2^63, such as hashes of names, that wrap to other numbers as int64."""

import numpy as np

SOURCE = "ayrna/skordinal#119"
OUTCOME = "refused"
SAYS = "train label 0 is 18446744073709551615; labels are whole numbers, 0 for the first class"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2),
            np.full(n, 2**64 - 1, np.uint64),
        )
    return made
