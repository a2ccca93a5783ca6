"""Frozen batch norm with running statistics that the constructor sets, as from a checkpoint."""

from torch import nn

SOURCE = "isht7/pytorch-deeplab-resnet#39"
OUTCOME = "trains"
NORM = "bn"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.body[1].running_mean.fill_(0.5)
        self.body[1].running_var.fill_(4.0)
        self.head = nn.Linear(4 * 36, 10)

    def train(self, mode=True):
        super().train(mode)
        self.body[1].eval()
        return self

    def forward(self, x):
        return self.head(self.body(x).flatten(1))
