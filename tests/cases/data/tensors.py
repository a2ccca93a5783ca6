"""Tensors, as torchvision gives them."""

import numpy as np
import torch

SOURCE = "krishnaik06/Pytorch-Tutorial#2"
OUTCOME = "trains"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        images = torch.arange(4.0 * n).reshape(n, 1, 2, 2).requires_grad_()
        made[split] = images, torch.arange(n) % 2
    return made


def expected(n):
    return np.arange(4 * n, dtype=np.float32).reshape(n, 1, 2, 2), np.arange(n) % 2
