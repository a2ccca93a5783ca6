"""A list of labels with None where a label is missing."""

import numpy as np

SOURCE = "ayrna/skordinal#119"
OUTCOME = "refused"
SAYS = "train label 1 is 'None', not a number; labels are whole numbers, 0 for the first class"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2),
            [None if i == 1 else i % 2 for i in range(n)],
        )
    return made
