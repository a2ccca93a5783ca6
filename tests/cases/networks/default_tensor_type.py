"""A recurrent network whose forward makes its first state with torch.zeros."""

import torch
from torch import nn

SOURCE = "pytorch/pytorch#15260"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 10)

    def forward(self, x):
        state = torch.zeros(1, len(x), 16)
        return self.head(self.rnn(x[:, 0], state)[0][:, -1])
