"""An image of one value among others."""

import numpy as np

SOURCE = "avalonstrel/GatedConvolution_pytorch#27"
OUTCOME = "warned"
SAYS = "constant images in train: 1, the first is image 2"


def images(n):
    made = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2)
    made[2:3] = 7
    return made


def data(sizes):
    return {split: (images(n), np.arange(n) % 2) for split, n in sizes.items()}


def expected(n):
    return images(n), np.arange(n) % 2
