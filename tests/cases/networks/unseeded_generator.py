"""Weights from a generator of the network's own, which no seed starts."""

import numpy as np
import torch
from torch import nn

SOURCE = "ehsanhaghighat/sciann#53"
OUTCOME = "refused"
SAYS = "model unseeded_generator.Net: two networks of seed 0 differ (weight), so its constructor draws from a generator that the seed does not start"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(
            torch.from_numpy(np.random.default_rng().normal(size=(10, 64))).float()
        )

    def forward(self, x):
        return x.flatten(1) @ self.weight.t()
