"""A forward that lowers the momentum of batch norm once, after many updates."""

from torch import nn

SOURCE = "torch-points3d/torch-points3d#524"
OUTCOME = "trains"
NORM = "bn"
AFTER = 88  # updates


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = (
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.Linear(4 * 36, 10),
        )
        self.seen = 0

    def forward(self, x):
        if self.training:
            self.seen += 1
            if self.seen == AFTER:
                self.norm.momentum = 0.02
        return self.head(self.norm(self.conv(x)).flatten(1))
