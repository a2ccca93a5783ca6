"""Train images that are standardised, while the others are scaled to 0 to 1."""

import numpy as np

SOURCE = "JeasunLok/ResNet-pytorch#1"
OUTCOME = "refused"
SAYS = "channel 0 of the validation images has mean 0."
DATASET = {"sizes": {"train": 24, "validation": 12, "test": 12}}


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = np.random.default_rng(0).random((n, 1, 2, 2), np.float32)
        images = (images - images.mean()) / images.std() if split == "train" else images
        made[split] = images, np.arange(n) % 2
    return made
