"""A constructor whose own argument norm is a text."""

from torch import nn

SOURCE = "junyanz/pytorch-CycleGAN-and-pix2pix#630"
OUTCOME = "trains"
NORM = "bn"


class Net(nn.Module):
    def __init__(self, norm="batch"):
        super().__init__()
        layer = nn.BatchNorm2d(8) if norm == "batch" else nn.Identity()
        self.body = nn.Sequential(nn.Conv2d(1, 8, 3), layer, nn.ReLU())
        self.head = nn.Linear(8 * 36, 10)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))
