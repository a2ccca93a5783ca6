"""A lazy layer that the forward does not use."""

from torch import nn

SOURCE = "pytorch/pytorch#44538"
OUTCOME = "refused"
SAYS = (
    "model lazy_unused.Net: spare is a lazy layer that its forward does not use; give it its size"
)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.spare = nn.Linear(64, 10), nn.LazyLinear(10)

    def forward(self, x):
        return self.head(x.flatten(1))
