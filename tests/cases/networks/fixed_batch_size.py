"""A batch size that is fixed in the forward."""

from torch import nn

SOURCE = "miyamotok0105/pytorch_handbook#11"
OUTCOME = "refused"
SAYS = "model fixed_batch_size.Net: its forward takes the 8 examples of an update, and fails"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(x.view(8, -1))
