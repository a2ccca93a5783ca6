"""The network of BA-SGD's runs on Fashion-MNIST (Yin, Luo & Nakamura 2017)."""

import torch
from torch import nn

from smallbatch.models.initial import he
from smallbatch.models.norm import Norm


class BaSgdCNN(nn.Module):
    """Three 3×3 convolutions, each with ReLU and 2×2 max-pooling that keeps the last row, then 625
    hidden nodes.

    No biases. Input ``[examples, in_channels, image_size, image_size]``, output ``[examples,
    classes]``; with 28×28 images the sides are 30, 15, 13, 7, 5, 3. The paper has no norm. It
    starts from weights that were not published; here from those of He et al. 2015.
    """

    def __init__(self, in_channels: int, image_size: int, classes: int, norm: Norm):
        super().__init__()

        def convolution(inner: int, out: int, padding: int) -> list[nn.Module]:
            convolved = nn.Conv2d(inner, out, 3, padding=padding, bias=False)
            return [convolved, norm(out), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)]

        self.features = nn.Sequential(
            *convolution(in_channels, 32, 2), *convolution(32, 64, 0), *convolution(64, 128, 0)
        )
        side = -(-(image_size + 2) // 2)
        for _ in range(2):
            side = -(-(side - 2) // 2)
        if side < 1:
            raise ValueError(
                f"images of {image_size} pixels are too small for three pools; 8 are enough"
            )
        self.hidden = nn.Linear(128 * side**2, 625, bias=False)
        self.norm = norm(625)
        self.head = nn.Linear(625, classes, bias=False)
        he(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.hidden(self.features(x).flatten(1)))))
