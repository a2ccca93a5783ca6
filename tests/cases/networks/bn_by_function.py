"""Batch norm by torch.nn.functional.batch_norm, in a layer of the user's own."""

import torch
from torch import nn
from torch.nn import functional as F

SOURCE = "torch documentation: torch.nn.functional.batch_norm"
OUTCOME = "refused"
SAYS = "model Net: its forward calls torch.nn.functional.batch_norm in a MyNorm, which would normalise over the whole batch whatever grid.norm says"


class MyNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x):
        return F.batch_norm(x, self.mean, self.var, training=self.training)


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3), MyNorm(4), nn.Flatten(), nn.Linear(4 * 36, 10))
