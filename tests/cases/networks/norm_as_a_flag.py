"""A constructor that takes norm for a flag, without a default."""

from torch import nn

SOURCE = "growingnet/gromo#228"
OUTCOME = "refused"
SAYS = "grid.norm: none, but norm_as_a_flag.Net, whose argument norm makes its norm layers, has one of its own (2, LayerNorm)"


class Net(nn.Sequential):
    def __init__(self, norm):
        layer = nn.LayerNorm(32) if norm else nn.Identity()
        super().__init__(nn.Flatten(), nn.Linear(64, 32), layer, nn.ReLU(), nn.Linear(32, 10))
