"""A hook on a weight that scales its gradient, which a copy of the weight does not have."""

from torch import nn

SOURCE = "torch documentation: torch.Tensor.register_hook"
OUTCOME = "refused"
SAYS = "model hook_on_weight.Net: its loss of update 2 is not that of the module as its constructor makes it; modules are copied, so hooks must not refer to them, and parameters must have none"


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
        self[1].weight.register_hook(lambda gradient: gradient / 2)
