"""A network as a user writes it: torch's own layers, an import from beside, no knowledge of
smallbatch."""

from myparts import HIDDEN
from torch import nn


class MyNet(nn.Module):
    def __init__(self, width: int, classes: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, width)
        )
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.norm(self.body(x)).relu())


class FailsWithBatchNorm(nn.Module):
    """Trains without norm, and raises with it while a file named ``broken`` is in the working
    directory."""

    def __init__(self, classes: int, norm):
        super().__init__()
        import os

        self.norm = norm(1)
        self.head = nn.Linear(64, classes)
        if os.path.exists("broken") and not isinstance(self.norm, nn.Identity):
            raise RuntimeError("this network is broken")

    def forward(self, x):
        return self.head(self.norm(x).flatten(1))


class FiveOutputs(MyNet):
    def __init__(self, width: int):
        super().__init__(width, classes=5)


class WrongShape(MyNet):
    def forward(self, x):
        return self.head(x.flatten(1))


class WeightNormed(nn.Module):
    """Layers whose weights are computed from others in each forward
    (`torch.nn.utils.parametrizations`)."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        weight_norm = nn.utils.parametrizations.weight_norm
        self.conv = weight_norm(nn.Conv2d(1, width, 3, padding=1))
        self.head = weight_norm(nn.Linear(width * 16, classes))

    def forward(self, x):
        return self.head(nn.functional.max_pool2d(self.conv(x).relu(), 2).flatten(1))
