"""A list of images of several sizes."""

import numpy as np

SOURCE = "torch documentation: torch.utils.data, default_collate"
OUTCOME = "refused"
SAYS = "the train images make no array ("


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = [np.zeros((1, 2, 2 + i % 2)) for i in range(n)], np.arange(n) % 2
    return made
