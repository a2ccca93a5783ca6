"""Labels of a data frame in which one is missing."""

import numpy as np

SOURCE = "ayrna/skordinal#119"
OUTCOME = "refused"
SAYS = "train label 1 is nan; labels are whole numbers, 0 for the first class"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2),
            np.where(np.arange(n) == 1, np.nan, np.arange(n) % 2),
        )
    return made
