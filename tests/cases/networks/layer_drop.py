"""Stochastic depth by Python's random, which leaves a layer out of some updates."""

import random

from torch import nn

SOURCE = "pytorch/vision#4301"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.body, self.head = nn.Linear(64, 16), nn.Linear(16, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = self.first(x.flatten(1)).relu()
        if not self.training or random.random() < 0.8:
            x = x + self.body(x).relu()
        return self.head(x)
