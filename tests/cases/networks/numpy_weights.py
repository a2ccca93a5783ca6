"""Weights that the constructor draws with NumPy's and Python's random generators."""

import random

import numpy as np
import torch
from torch import nn

SOURCE = "alykhantejani/nninit#4"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        drawn = np.random.randn(10, 64) * random.uniform(0.1, 0.2)
        self.weight = nn.Parameter(torch.from_numpy(drawn).float())

    def forward(self, x):
        return x.flatten(1) @ self.weight.t()
