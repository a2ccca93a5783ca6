"""A constructor whose argument norm is None by default, and puts in a layer where it is not."""

from torch import nn

SOURCE = "growingnet/gromo#228"
OUTCOME = "trains"


class Net(nn.Sequential):
    def __init__(self, norm=None):
        layer = nn.LayerNorm(32) if norm else nn.Identity()
        super().__init__(nn.Flatten(), nn.Linear(64, 32), layer, nn.ReLU(), nn.Linear(32, 10))
