"""A backbone under torch.no_grad() whose parameters are not frozen, trained with weight decay."""

import torch
from torch import nn

SOURCE = "facebookresearch/moco#14"
OUTCOME = "trains"
OPTIMIZER = {"momentum": 0.5, "weight_decay": 0.01}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(144, 10)

    def forward(self, x):
        with torch.no_grad():
            x = self.backbone(x)
        return self.head(x)
