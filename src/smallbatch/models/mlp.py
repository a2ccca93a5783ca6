"""A multilayer perceptron."""

import itertools

import torch
from torch import nn

from smallbatch.models.initial import he
from smallbatch.models.norm import Norm


class MLP(nn.Module):
    """Linear layers of `hidden` nodes with norm and ReLU, and a last one.

    Input ``[examples, in_channels, image_size, image_size]``, output ``[examples, classes]``.
    Weights start as in He et al. 2015.
    """

    def __init__(
        self,
        in_channels: int,
        image_size: int,
        classes: int,
        norm: Norm,
        hidden: tuple[int, ...] = (128, 128),
    ):
        super().__init__()
        sizes = [in_channels * image_size**2, *hidden]
        layers: list[nn.Module] = []
        for inner, out in itertools.pairwise(sizes):
            layers += [nn.Linear(inner, out), norm(out), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], classes)
        he(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(x.flatten(1)))
