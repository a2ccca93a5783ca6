"""Weight norm as torch.nn.utils.parametrizations.weight_norm makes it."""

from torch import nn

SOURCE = "pytorch/pytorch#102981"
OUTCOME = "trains"


class Net(nn.Sequential):
    def __init__(self):
        weight_norm = nn.utils.parametrizations.weight_norm
        super().__init__(nn.Flatten(), weight_norm(nn.Linear(64, 10)))
