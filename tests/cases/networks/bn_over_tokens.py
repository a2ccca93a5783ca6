"""Batch norm over examples and tokens, the rows of an example one after another."""

from torch import nn

SOURCE = "wouterkool/attention-learn-to-route#8"
OUTCOME = "trains"
NORM = "bn"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm, self.head = nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(48, 10)

    def forward(self, x):
        tokens = self.norm(self.embed(x.reshape(-1, 8))).relu()
        return self.head(tokens.reshape(len(x), -1))
