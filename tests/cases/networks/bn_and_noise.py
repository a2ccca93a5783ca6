"""Batch norm, dropout, and noise that is drawn in evaluation too."""

import torch
from torch import nn
from torch.nn import functional as F

SOURCE = "mahmoodlab/CLAM#314"
OUTCOME = "trains"
NORM = "bn"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.norm, self.head = nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Linear(32, 10)

    def forward(self, x):
        x = x.flatten(1)
        x = self.norm(self.inner(x + 0.05 * torch.randn_like(x)))
        return self.head(F.dropout(F.relu(x), 0.1, training=True))
