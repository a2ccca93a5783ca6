"""A body under torch.utils.checkpoint with use_reentrant=True."""

from torch import nn
from torch.utils.checkpoint import checkpoint

SOURCE = "pytorch/pytorch#51743"
OUTCOME = "trains"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU())
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = x.clone().requires_grad_()  # else torch computes no gradients of the body
        return self.head(checkpoint(self.body, x, use_reentrant=True))
