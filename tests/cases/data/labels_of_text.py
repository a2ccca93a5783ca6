"""Names of classes as labels."""

import numpy as np

SOURCE = "JDAI-CV/DCL#49"
OUTCOME = "refused"
SAYS = "train label 0 is 'cat', not a number; labels are whole numbers, 0 for the first class"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2),
            np.array(["cat", "dog"])[np.arange(n) % 2],
        )
    return made
