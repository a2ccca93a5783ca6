"""The same weights for all seeds, with same_start = True in the class."""

from torch import nn

SOURCE = "meta-pytorch/torchtune#2282"
OUTCOME = "trains"


class Net(nn.Sequential):
    same_start = True

    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)
