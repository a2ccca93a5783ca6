"""A forward hook that keeps the features of a layer."""

from torch import nn

SOURCE = "skorch-dev/skorch#428"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU())
        self.head, self.kept = nn.Linear(32, 10), {}
        self.body[1].register_forward_hook(lambda m, i, y: self.kept.update(features=y.detach()))

    def forward(self, x):
        return self.head(self.body(x))
