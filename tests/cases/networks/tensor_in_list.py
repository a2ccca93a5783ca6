"""A tensor in a plain list that the forward changes."""

import torch
from torch import nn

SOURCE = "pytorch/pytorch#18056"
OUTCOME = "refused"
SAYS = "model tensor_in_list.Net: it keeps state in means, which no checkpoint holds"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.means = nn.Linear(64, 10), [torch.zeros(1)]

    def forward(self, x):
        if self.training:
            self.means[0] = 0.9 * self.means[0] + 0.1 * x.std()
        return self.head((x - self.means[0]).flatten(1))
