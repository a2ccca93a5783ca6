"""Random data or noise without a seed: it would be other data whenever it is prepared."""

import numpy as np

SOURCE = "NumPy documentation: numpy.random.default_rng"
OUTCOME = "refused"
SAYS = "unseeded_generator.data gives other data each time; seed its random numbers, for example np.random.default_rng(0)"


def data(sizes):
    random = np.random.default_rng()
    return {split: (random.random((n, 1, 2, 2)), np.arange(n) % 2) for split, n in sizes.items()}
