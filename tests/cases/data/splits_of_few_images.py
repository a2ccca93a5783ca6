"""A bright train image beside dark ones, and validation and test images that are all dark: chance."""

import numpy as np

SOURCE = "torch documentation: torch.utils.data.random_split"
OUTCOME = "trains"

DATASET = {"sizes": {"train": 12, "validation": 2, "test": 2}}


def data(sizes):
    return {split: expected(n, split) for split, n in sizes.items()}


def expected(n, split):
    images = np.arange(4 * n, dtype=np.float32).reshape(n, 1, 2, 2) / 100
    if split == "train":
        images[0] += 50
    return images, np.arange(n) % 2
