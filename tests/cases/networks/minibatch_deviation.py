"""The deviation within groups of 4 examples as a feature, so that 4 must divide the batch."""

import torch
from torch import nn

SOURCE = "rosinality/stylegan2-pytorch#124"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.head = nn.Linear(64, 32), nn.Linear(33, 10)

    def forward(self, x):
        x = self.inner(x.flatten(1)).relu()
        groups = x.reshape(4, -1, 32)
        deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean(1, keepdim=True)
        return self.head(torch.cat([x, deviation.repeat(4, 1)], 1))
