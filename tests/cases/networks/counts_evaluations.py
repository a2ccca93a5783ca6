"""A forward that counts its calls, in evaluation too, and scales its output by them."""

from torch import nn

SOURCE = "torch documentation: Modules"
OUTCOME = "trains"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) * (1 + 1 / (self.calls + 9))
