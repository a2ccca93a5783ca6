"""A constructor that calls norm with an eps."""

from torch import nn

SOURCE = "mosaicml/llm-foundry#1399"
OUTCOME = "refused"
SAYS = (
    "model norm_with_eps.Net: it calls norm with eps, and norm takes the number of channels alone"
)
NORM = "bn"


class Net(nn.Sequential):
    def __init__(self, norm):
        super().__init__(nn.Conv2d(1, 4, 3), norm(4, eps=1e-3), nn.Flatten(), nn.Linear(144, 10))
