"""A constructor that makes one layer with norm and another norm layer itself, without norm layers."""

from torch import nn

SOURCE = "qubvel-org/segmentation_models.pytorch#1095"
OUTCOME = "refused"
SAYS = "grid.norm: none, but norm_beside_own.Net, whose argument norm makes its norm layers, has one of its own (3, LayerNorm)"


class Net(nn.Sequential):
    def __init__(self, norm):
        super().__init__(
            nn.Conv2d(1, 4, 3), norm(4), nn.Flatten(), nn.LayerNorm(144), nn.Linear(144, 10)
        )
