"""A number that the forward counts up in Python and scales by."""

from torch import nn

SOURCE = "pytorch/pytorch#51228"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.updates = nn.Linear(64, 10), 0

    def forward(self, x):
        if self.training:
            self.updates += 1
        return self.head(x.flatten(1)) / (1 + self.updates) ** 0.1
