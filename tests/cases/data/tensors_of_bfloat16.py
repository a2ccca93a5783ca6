"""Images of bfloat16, which NumPy does not have."""

import numpy as np
import torch

SOURCE = "pytorch/pytorch#110285"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = torch.arange(4 * n).reshape(n, 1, 2, 2).to(torch.bfloat16)
        made[split] = images, torch.arange(n) % 2
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.float32).reshape(n, 1, 2, 2), np.arange(n) % 2
