"""A forward that insists on single precision in some of its layers."""

from torch import nn

SOURCE = "torch documentation: torch.Tensor.float"
OUTCOME = "trains"
NORM = "bn"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.norm, self.head = nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.norm(self.body(x.flatten(1).float())).relu().float())
