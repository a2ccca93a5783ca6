"""Float labels with fractions, such as a regression target."""

import numpy as np

SOURCE = "ayrna/skordinal#119"
OUTCOME = "refused"
SAYS = "train label 1 is 0.5; labels are whole numbers, 0 for the first class"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) / 2
    return made
