"""Running statistics that the constructor sets, and that training goes on from."""

from torch import nn

SOURCE = "pgniewko/gt-pyg#112"
OUTCOME = "trains"
NORM = "bn"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8, momentum=1e-3), nn.ReLU())
        self.body[1].running_mean.fill_(0.5)
        self.body[1].running_var.fill_(4.0)
        self.head = nn.Linear(8 * 36, 10)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))
