"""A body that is frozen for the first updates, by requires_grad."""

from torch import nn

SOURCE = "pgniewko/gt-pyg#112"
OUTCOME = "refused"
SAYS = (
    "model Net: it changes requires_grad of its parameters while it trains, which is not supported"
)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head, self.seen = nn.Linear(64, 16), nn.Linear(16, 10), 0
        self.body.requires_grad_(False)

    def forward(self, x):
        if self.training:
            self.seen += 1
            self.body.requires_grad_(self.seen > 20)
        return self.head(self.body(x.flatten(1)).relu())
