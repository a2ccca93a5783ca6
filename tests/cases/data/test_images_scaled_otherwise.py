"""Train images from 0 to 255 and test images from 0 to 1, both as float32."""

import numpy as np

SOURCE = "fchollet/deep-learning-models#96"
OUTCOME = "refused"
SAYS = "channel 0 of the test images has mean 0.52 and standard deviation 0.29, that of the train images mean 132 and standard deviation 67.9; all are standardised as the train images are, so return them in one scale"
DATASET = {"sizes": {"train": 24, "validation": 12, "test": 12}}


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = np.random.default_rng(n).integers(256, size=(n, 1, 2, 2)).astype(np.float32)
        made[split] = images / 255 if split == "test" else images, np.arange(n) % 2
    return made
