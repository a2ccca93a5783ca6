"""A function that makes a network compiled by torch.jit."""

import torch
from torch import nn

SOURCE = "torch documentation: torch.jit.script"
OUTCOME = "refused"
SAYS = "model compiled_by_jit.Net: it is compiled (torch.jit or torch.compile), so its layers cannot be seen; name the module itself"


def Net():
    return torch.jit.trace(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), torch.zeros(2, 1, 8, 8))
