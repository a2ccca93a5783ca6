"""A masked array, whose mask np.asarray drops."""

import numpy as np

SOURCE = "numpy/numpy#26669"
OUTCOME = "refused"
SAYS = "the train images have masked values; fill them or leave them out"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.ma.masked_equal(np.arange(4.0 * n).reshape(n, 1, 2, 2), 5),
            np.arange(n) % 2,
        )
    return made
