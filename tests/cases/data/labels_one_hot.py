"""One-hot labels."""

import numpy as np

SOURCE = "fastai/fastai#1735"
OUTCOME = "refused"
SAYS = "the train labels have the shape [6, 2]; return one number per image (labels.argmax(1) makes it from one-hot labels)"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2),
            np.eye(2)[np.arange(n) % 2],
        )
    return made
