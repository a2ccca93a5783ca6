"""A forward that detaches its output from the weights."""

import torch
from torch import nn

SOURCE = "torch documentation: torch.no_grad"
OUTCOME = "refused"
SAYS = "model no_gradient.Net: backward fails on a batch of shape [8, 1, 8, 8] (RuntimeError: element 0 of tensors does not require grad"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    @torch.no_grad()
    def forward(self, x):
        return self.head(x.flatten(1))
