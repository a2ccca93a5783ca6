"""A constructor that calls torch.manual_seed(0)."""

import torch
from torch import nn

SOURCE = "soapisnotfat/super-resolution#3"
OUTCOME = "refused"
SAYS = "model seeded_constructor.Net: its constructor seeds torch's random generator itself, so networks of several seeds would start alike"


class Net(nn.Sequential):
    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
