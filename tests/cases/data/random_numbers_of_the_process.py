"""Random numbers of `random`, `np.random` and torch that nothing seeds: they begin at the same place each time."""

import random

import numpy as np
import torch

SOURCE = "NumPy documentation: numpy.random.seed"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = np.random.rand(n, 1, 2, 2) + random.random() + torch.rand(n, 1, 2, 2).numpy()
        made[split] = images.astype(np.float32), np.arange(n) % 2
    return made


def expected_splits(sizes):
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    return data(sizes)
