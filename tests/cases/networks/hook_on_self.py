"""A hook that writes into the module it was made in, which a copy does not see."""

from torch import nn

SOURCE = "facebookresearch/fairscale#816"
OUTCOME = "refused"
SAYS = "model hook_on_self.Net: its evaluation before training is not that of the module as its constructor makes it"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head, self.scale = nn.Linear(64, 16), nn.Linear(16, 10), 1.0
        self.body.register_forward_hook(self.keep)

    def forward(self, x):
        return self.head(self.body(x.flatten(1)).relu()) * self.scale

    @property
    def keep(self):
        return lambda layer, inputs, output: setattr(self, "scale", output.abs().mean())
