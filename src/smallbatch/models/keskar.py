"""F1 and C1 of Keskar et al. 2017 (arXiv 1609.04836), appendix B."""

import torch
from torch import nn

from smallbatch.models.initial import he
from smallbatch.models.mlp import MLP
from smallbatch.models.norm import Norm


class F1(MLP):
    """Five hidden layers of 512 with batch norm and ReLU (for 28×28 images)."""

    def __init__(self, in_channels: int, image_size: int, classes: int, norm: Norm):
        super().__init__(in_channels, image_size, classes, norm, hidden=(512,) * 5)


class C1(nn.Module):
    """Two convolutions of 64 5×5 filters with stride 2, each with 3×3 max-pooling, then 384 and 192
    hidden nodes.

    Input ``[examples, in_channels, image_size, image_size]``, output ``[examples, classes]``. Norm
    in all layers but the last, dropout of half of the hidden nodes (with it replicas train one by
    one). The paper leaves padding and the stride of the pools open: here 2 and 2, with a border of
    1.
    """

    def __init__(
        self, in_channels: int, image_size: int, classes: int, norm: Norm, dropout: float = 0.5
    ):
        super().__init__()

        def convolution(inner: int) -> list[nn.Module]:
            return [
                nn.Conv2d(inner, 64, 5, stride=2, padding=2),
                norm(64),
                nn.ReLU(),
                nn.MaxPool2d(3, 2, 1),
            ]

        def hidden(inner: int, out: int) -> list[nn.Module]:
            return [
                nn.Linear(inner, out),
                norm(out),
                nn.ReLU(),
                nn.Dropout(dropout) if dropout else nn.Identity(),
            ]

        self.features = nn.Sequential(*convolution(in_channels), *convolution(64))
        side = image_size
        for _ in range(4):
            side = (side + 1) // 2
        self.head = nn.Sequential(
            *hidden(64 * side**2, 384), *hidden(384, 192), nn.Linear(192, classes)
        )
        he(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).flatten(1))
