"""Stochastic depth with momentum, which torch's optimizers skip for a layer that is left out."""

import random

from torch import nn

SOURCE = "megvii-model/DetNAS#3"
OUTCOME = "refused"
SAYS = "model Net: its forward uses some layers in a part of the updates only, which is supported with optimizer.momentum=0 and optimizer.weight_decay=0 alone"
OPTIMIZER = {"momentum": 0.9, "weight_decay": 0.0}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.body, self.head = nn.Linear(64, 16), nn.Linear(16, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = self.first(x.flatten(1)).relu()
        if not self.training or random.random() < 0.8:
            x = x + self.body(x).relu()
        return self.head(x)
