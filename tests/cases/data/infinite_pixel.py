"""An infinite pixel in a validation image."""

import numpy as np

SOURCE = "NRCan/geo-deep-learning#68"
OUTCOME = "refused"
SAYS = "the validation images are not finite: image 1, channel 1 has -inf (1 of 16 values); replace them"
DATASET = {"shape": [2, 2, 2]}


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = np.arange(8 * n, dtype=np.float32).reshape(n, 2, 2, 2)
        made[split] = images, np.arange(n) % 2
    made["validation"][0][1, 1, 0, 0] = -np.inf
    return made
