"""A class that only the test images have."""

import numpy as np

SOURCE = "huggingface/pytorch-image-models#957"
OUTCOME = "warned"
SAYS = "train has no image of class 2"
DATASET = {"classes": 3}


def data(sizes):
    made = {}
    for split, n in sizes.items():
        labels = np.arange(n) % 2 + (split == "test")
        made[split] = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), labels
    return made


def expected(n, split):
    labels = np.arange(n) % 2 + (split == "test")
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), labels
