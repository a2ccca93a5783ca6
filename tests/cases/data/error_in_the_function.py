"""An error in the data function itself."""

import numpy as np

SOURCE = "Python documentation: KeyError"
OUTCOME = "refused"
SAYS = "KeyError in "


def data(sizes):
    return {split: (np.zeros((n, 1, 2, 2)), {}["labels"]) for split, n in sizes.items()}
