"""Residual networks for small images (He, Zhang, Ren & Sun 2016, section 4.2)."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut without parameters (option A: every other pixel, zeros for new channels)."""

    def __init__(self, inner: int, out: int, stride: int, norm):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = norm(out)
        self.stride, self.new = stride, out - inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        if self.stride != 1 or self.new:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.new // 2, self.new - self.new // 2))
        return torch.relu(y + x)


class ResNet(nn.Module):
    """6n+2 layers in three stages of n blocks, with `width`, 2·width and 4·width channels; n = 1 is ResNet-8.

    Input ``[examples, in_channels, H, W]``, output ``[examples, classes]``. Convolutions start as in
    He et al. 2015 (normal, variance 2/fan-out).
    """

    def __init__(self, in_channels: int, classes: int, norm, n: int = 1, width: int = 16):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.norm = norm(width)
        channels = [width] * (n + 1) + [2 * width] * n + [4 * width] * n
        self.blocks = nn.Sequential(*(Block(a, b, 2 if b > a else 1, norm) for a, b in itertools.pairwise(channels)))
        self.head = nn.Linear(4 * width, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(torch.relu(self.norm(self.conv(x))))
        return self.head(x.mean((2, 3)))
