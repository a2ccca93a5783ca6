"""A parameter of the data function that no key gives."""

import numpy as np

SOURCE = "Python documentation: inspect.Signature.bind"
OUTCOME = "refused"
SAYS = "cannot be called (missing a required argument: 'year'); write the key into dataset, or give the parameter a default"


def data(sizes, year):
    return {split: (np.zeros((n, 1, 2, 2)), np.zeros(n)) for split, n in sizes.items()}
