"""A forward that keeps an activation as an attribute."""

from torch import nn

SOURCE = "pytorch/pytorch#54580"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head, self.features = nn.Linear(64, 16), nn.Linear(16, 10), None

    def forward(self, x):
        self.features = self.body(x.flatten(1)).relu()
        return self.head(self.features)
