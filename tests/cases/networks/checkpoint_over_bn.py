"""Batch norm in torch.utils.checkpoint, whose running statistics count a batch twice."""

from torch import nn
from torch.utils.checkpoint import checkpoint_sequential

SOURCE = "torch documentation: torch.utils.checkpoint"
OUTCOME = "trains"
NORM = "bn"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        inner = nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()
        self.body, self.head = nn.Sequential(*inner), nn.Linear(32, 10)

    def forward(self, x):
        return self.head(checkpoint_sequential(self.body, 2, x.flatten(1), use_reentrant=False))
