"""A body whose parameters train() freezes."""

from torch import nn

SOURCE = "roytseng-tw/Detectron.pytorch#104"
OUTCOME = "trains"
OPTIMIZER = {"momentum": 0.9, "weight_decay": 0.1}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(64, 16), nn.Linear(16, 10)

    def train(self, mode=True):
        super().train(mode)
        self.body.requires_grad_(False)
        return self

    def forward(self, x):
        return self.head(self.body(x.flatten(1)).relu())
