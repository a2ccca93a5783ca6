"""The split `val` in place of `validation`."""

import numpy as np

SOURCE = "huggingface/datasets#4839"
OUTCOME = "refused"
SAYS = "it gave no split 'validation'; return train, validation and test (it gave train, val, test)"


def data(sizes):
    made = {}
    for split, n in zip(("train", "val", "test"), sizes.values(), strict=True):
        made[split] = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
    return made
