"""A small convolutional network for small images (the digits study)."""

from collections.abc import Sequence

import torch
from torch import nn

from smallbatch.models.norm import Norm


class ConvNet(nn.Module):
    """Two 3×3 convolutions with ReLU and 2×2 max-pooling, then one linear layer.

    Input ``[examples, in_channels, image_size, image_size]``, output ``[examples, classes]``. The
    norm stands between convolution and ReLU (Ioffe & Szegedy 2015); weights start as PyTorch starts
    them.
    """

    def __init__(
        self,
        in_channels: int,
        image_size: int,
        classes: int,
        norm: Norm,
        channels: Sequence[int] = (8, 16),
    ):
        super().__init__()
        first, second = channels
        self.conv1 = nn.Conv2d(in_channels, first, 3, padding=1)
        self.norm1 = norm(first)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1)
        self.norm2 = norm(second)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(second * (image_size // 4) ** 2, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.norm1(self.conv1(x))))
        x = self.pool(torch.relu(self.norm2(self.conv2(x))))
        return self.head(x.flatten(1))
