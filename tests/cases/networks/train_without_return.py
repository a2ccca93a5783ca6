"""An overridden train() that does not return self."""

from torch import nn

SOURCE = "roytseng-tw/Detectron.pytorch#104"
OUTCOME = "trains"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))

    def train(self, mode=True):
        super().train(mode)
