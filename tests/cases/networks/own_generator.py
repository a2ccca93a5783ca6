"""A forward that draws from a generator that the module keeps."""

import numpy as np
from torch import nn

SOURCE = "breze-no-salt/breze#63"
OUTCOME = "refused"
SAYS = "model own_generator.Net: it keeps state outside its modules, or a random generator of its own, which no checkpoint holds"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.random = nn.Linear(64, 10), np.random.default_rng(0)

    def forward(self, x):
        return self.head(x.flatten(1) * (1 + self.random.random()))
