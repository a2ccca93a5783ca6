"""Test images that are among the train images."""

import numpy as np

SOURCE = "pratikkayal/PlantDoc-Dataset#4"
OUTCOME = "warned"
SAYS = "test images that are train images too: 2, the first is image 0"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
