"""A TensorDataset for each split."""

import numpy as np
import torch

SOURCE = "ufoym/imbalanced-dataset-sampler#45"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = torch.arange(4 * n, dtype=torch.uint8).reshape(n, 1, 2, 2)
        made[split] = torch.utils.data.TensorDataset(images, torch.arange(n) % 2)
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
