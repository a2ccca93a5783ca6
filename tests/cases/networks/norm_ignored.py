"""A constructor that takes norm and does not use it."""

from torch import nn

SOURCE = "qubvel-org/segmentation_models.pytorch#1095"
OUTCOME = "refused"
SAYS = "grid.norm: bn, but norm_ignored.Net puts in no layer that its argument norm makes, so all norms would be one network"
NORM = "bn"


class Net(nn.Sequential):
    def __init__(self, norm):
        layer = nn.BatchNorm2d(4) if norm == "batch" else nn.Identity()
        super().__init__(nn.Conv2d(1, 4, 3), layer, nn.Flatten(), nn.Linear(4 * 36, 10))
