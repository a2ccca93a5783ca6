"""A mask for attention in a boolean buffer."""

import torch
from torch import nn

SOURCE = "zhouhaoyi/Informer2020#29"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.head = nn.Linear(8, 48), nn.Linear(16, 10)
        self.register_buffer("mask", torch.ones(8, 8).tril().bool())

    def forward(self, x):
        q, k, v = self.inner(x.squeeze(1)).chunk(3, -1)
        weights = (q @ k.transpose(1, 2) / 4).masked_fill(~self.mask, -torch.inf).softmax(-1)
        return self.head((weights @ v).mean(1))
