"""NaN in one training image: every network diverges."""

import numpy as np

SOURCE = "NRCan/geo-deep-learning#68"
OUTCOME = "refused"
SAYS = "the train images are not finite: image 1, channel 1 has nan (1 of 48 values); replace them"
DATASET = {"shape": [2, 2, 2]}


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = np.arange(8 * n, dtype=np.float32).reshape(n, 2, 2, 2)
        made[split] = images, np.arange(n) % 2
    made["train"][0][1, 1, 0, 0] = np.nan
    return made
