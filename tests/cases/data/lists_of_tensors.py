"""Lists of the tensors that a torch Dataset gave one by one."""

import numpy as np
import torch

SOURCE = "krishnaik06/Pytorch-Tutorial#2"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = torch.arange(4 * n, dtype=torch.uint8).reshape(n, 1, 2, 2)
        made[split] = list(images), list(torch.arange(n) % 2)
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 2
