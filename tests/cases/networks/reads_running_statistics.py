"""A layer that divides by the running variance of a batch-norm layer."""

from torch import nn

SOURCE = "torch documentation: torch.nn.BatchNorm2d"
OUTCOME = "refused"
SAYS = "model reads_running_statistics.Net: its evaluation before training is not that of the module as its constructor makes it, from layer body (Scaled) on"
NORM = "bn"


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x):
        return self.norm(x) / (1 + self.norm.running_var.item())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = Scaled(), nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))
