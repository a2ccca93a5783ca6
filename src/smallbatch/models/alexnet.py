"""The reduced AlexNet for 32×32 images of Masters & Luschi 2018 (arXiv 1804.07612), section 3.1."""

import torch
from torch import nn

from smallbatch.models.initial import he
from smallbatch.models.norm import Norm


class AlexNet(nn.Module):
    """Five convolutions of stride 1, three 3×3 max-pools of stride 2, two hidden layers of 256.

    Input ``[examples, in_channels, image_size, image_size]``, output ``[examples, classes]``. The
    pools stand where AlexNet has them, after the first, second and last convolution (the paper
    doesn't say). With `norm_hidden` the norm stands after the hidden layers too (figure 5),
    otherwise only after the convolutions (figure 6).
    """

    def __init__(
        self, in_channels: int, image_size: int, classes: int, norm: Norm, norm_hidden: bool = True
    ):
        super().__init__()

        def convolution(inner: int, out: int, kernel: int) -> list[nn.Module]:
            return [nn.Conv2d(inner, out, kernel, padding=kernel // 2), norm(out), nn.ReLU()]

        def hidden(inner: int) -> list[nn.Module]:
            return [nn.Linear(inner, 256), norm(256) if norm_hidden else nn.Identity(), nn.ReLU()]

        self.features = nn.Sequential(
            *convolution(in_channels, 16, 5),
            nn.MaxPool2d(3, 2),
            *convolution(16, 48, 3),
            nn.MaxPool2d(3, 2),
            *convolution(48, 96, 3),
            *convolution(96, 64, 3),
            *convolution(64, 64, 3),
            nn.MaxPool2d(3, 2),
        )
        side = image_size
        for _ in range(3):
            side = (side - 3) // 2 + 1
        if side < 1:
            raise ValueError(
                f"images of {image_size} pixels are too small for three pools; 15 are enough"
            )
        self.head = nn.Sequential(*hidden(64 * side**2), *hidden(256), nn.Linear(256, classes))
        he(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).flatten(1))
