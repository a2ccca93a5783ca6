"""Compile the training step for this machine, once: ``python -m smallbatch.training.compiled``."""

import contextlib

import numpy as np
import torch
from torch import nn

from smallbatch.data.read import Split
from smallbatch.training.compiled.cache import stamp
from smallbatch.training.compiled.crew import Compiled


def warm_up() -> None:
    """Compile, or load, all that training calls, by training a tiny network."""
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2))
    crew = Compiled([net], (1, 2, 2), 2, {"momentum": 0.0, "weight_decay": 0.0})
    split = Split(torch.zeros(2, 1, 2, 2), torch.zeros(2, dtype=torch.int64))
    crew.update(split, np.zeros((1, 1, 2), np.int64), np.zeros((1, 1)), np.zeros(1))
    crew.score(split)
    sums = np.zeros((2, crew.gradient_size), crew.dtype)
    crew.weighed(0, sums, 1, 2, crew.moment_sums(0, split, np.arange(2), sums))
    crew.apply(0, sums[0], 0.0)


if __name__ == "__main__":
    warm_up()
    with contextlib.suppress(OSError):  # nothing was kept: each process compiles for itself
        stamp().touch()
