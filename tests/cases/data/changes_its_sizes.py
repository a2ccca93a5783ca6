"""A data function that changes the `sizes` that it is given."""

import numpy as np

SOURCE = "Python documentation: dict.pop"
OUTCOME = "refused"
SAYS = "dataset.sizes.train: 6 in conf, but changes_its_sizes gave 3 images and 3 labels"


def data(sizes):
    sizes["train"] //= 2
    return {split: (np.ones((n, 1, 2, 2)), np.arange(n) % 2) for split, n in sizes.items()}
