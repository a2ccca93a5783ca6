"""A forward that lowers the momentum of batch norm as it trains."""

from torch import nn

SOURCE = "taoyang1122/MutualNet#12"
OUTCOME = "trains"
NORM = "bn"


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
            self.norm.momentum = 1 / self.seen
        return self.head(self.norm(self.conv(x)).flatten(1))
