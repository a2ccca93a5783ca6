"""A channel of one value among others."""

import numpy as np

SOURCE = "scikit-learn/scikit-learn#17794"
OUTCOME = "warned"
SAYS = "channel 1 of the train images is constant (0.1"
DATASET = {"shape": [2, 2, 2]}


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = np.arange(8 * n, dtype=np.float32).reshape(n, 2, 2, 2)
        images[:, 1] = 0.1
        made[split] = images, np.arange(n) % 2
    return made


STD = 1.0  # of channel 1: it is centred, and not scaled


def expected(n):
    images = np.arange(8 * n, dtype=np.float32).reshape(n, 2, 2, 2)
    images[:, 1] = 0.1
    return images, np.arange(n) % 2
