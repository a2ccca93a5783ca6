"""A first layer that writes into its input."""

from torch import nn

SOURCE = "pytorch/pytorch#44194"
OUTCOME = "trains"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64, 10))
