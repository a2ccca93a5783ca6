"""Batch norm over a part of the batch in torch.utils.checkpoint, which runs it twice."""

from torch import nn
from torch.utils.checkpoint import checkpoint_sequential

SOURCE = "torch documentation: torch.utils.checkpoint"
OUTCOME = "refused"
SAYS = "model checkpoint_over_part.Net: its backward runs batch norm again (torch.utils.checkpoint)"
NORM = "bn:4"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        inner = nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()
        self.body, self.head = nn.Sequential(*inner), nn.Linear(32, 10)

    def forward(self, x):
        return self.head(checkpoint_sequential(self.body, 2, x.flatten(1), use_reentrant=False))
