"""Lazy layers, which learn their sizes from the first batch."""

from torch import nn

SOURCE = "pytorch/pytorch#53366"
OUTCOME = "trains"
NORM = "bn"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10)
        )
