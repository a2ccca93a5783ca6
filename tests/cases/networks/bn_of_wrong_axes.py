"""BatchNorm1d on images, which torch refuses."""

from torch import nn

SOURCE = "waleedka/hiddenlayer#50"
OUTCOME = "refused"
SAYS = "model bn_of_wrong_axes.Net: with torch's own layers, as its constructor makes it, it fails (ValueError: expected 2D or 3D input (got 4D input))"
NORM = "bn"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3), nn.BatchNorm1d(4), nn.Flatten(), nn.Linear(4 * 36, 10))
