"""The 1,797 real 8×8 digits that scikit-learn ships."""

import numpy as np

from smallbatch.data import SPLITS


def load(sizes: dict[str, int]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """``{split: (images uint8 [n, 1, 8, 8] of 0..16, labels [n])}``; stratified by class, always
    the same."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8)[:, None], digits.target
    if sum(sizes.values()) > len(labels):
        raise ValueError(
            f"dataset.sizes: {sum(sizes.values())} images asked for, digits has {len(labels)}"
        )
    splits, rest = {}, np.arange(len(labels))
    for split in SPLITS:  # not in the order of `sizes`, which a plan file sorts
        size = sizes[split]
        if size < len(rest):
            chosen, rest = train_test_split(
                rest, train_size=size, stratify=labels[rest], random_state=0
            )
        else:
            chosen = rest
        splits[split] = images[chosen], labels[chosen]
    return splits
