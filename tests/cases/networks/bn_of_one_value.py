"""Batch norm over one example of features without positions."""

from torch import nn

SOURCE = "pytorch/pytorch#4534"
OUTCOME = "refused"
SAYS = "grid.norm: bn:1, but layer 2 of model bn_of_one_value.Net has one value of each channel in an example, and batch norm over one value is 0; choose 2 or more"
NORM = "bn:1"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))
