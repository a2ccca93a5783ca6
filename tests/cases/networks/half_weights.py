"""Weights in half precision."""

from torch import nn

SOURCE = "torch documentation: torch.nn.Module.half"
OUTCOME = "refused"
SAYS = "model half_weights.Net: its parameter head.weight is of type torch.float16, and only torch.float32 is trained"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10).half()

    def forward(self, x):
        return self.head(x.flatten(1).half()).float()
