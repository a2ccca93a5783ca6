"""A forward hook on a batch-norm layer that changes its output."""

from torch import nn

SOURCE = "pytorch/pytorch#187298"
OUTCOME = "refused"
SAYS = "model bn_with_hook.Net: 1 has hooks or parametrizations, which the batch norm over a part of the batch that takes its place would lose"
NORM = "bn"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 10))
        self[1].register_forward_hook(lambda layer, inputs, output: output.relu())
