"""A constructor that draws nothing, so that all seeds start from the same weights."""

from torch import nn

SOURCE = "meta-pytorch/torchtune#2282"
OUTCOME = "refused"
SAYS = "model same_weights.Net: its weights are the same for seeds 0 and 1, so seeds would repeat one start in another order of examples"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)
