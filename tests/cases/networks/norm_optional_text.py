"""A constructor whose argument norm is annotated as an optional text."""

from torch import nn

SOURCE = "growingnet/gromo#228"
OUTCOME = "trains"


class Net(nn.Sequential):
    def __init__(self, norm: str | None = None):
        layer = nn.Identity() if norm is None else nn.LayerNorm(32)
        super().__init__(nn.Flatten(), nn.Linear(64, 32), layer, nn.ReLU(), nn.Linear(32, 10))
