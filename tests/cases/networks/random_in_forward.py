"""A forward that draws with Python's random and NumPy's np.random."""

import random

import numpy as np
from torch import nn

SOURCE = "fivosts/BenchPress#103"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        if self.training:
            x = x * random.uniform(0.5, 1.5) + np.random.rand()
        return self.head(x.flatten(1))
