"""Residual networks (He, Zhang, Ren & Sun 2016, arXiv 1512.03385): for small images (section 4.2),
and ResNet-50 (4.1)."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from smallbatch.models.initial import fixup, is_none
from smallbatch.models.norm import Norm


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut without parameters (option A: every other pixel, zeros
    for new channels)."""

    def __init__(self, inner: int, out: int, stride: int, norm: Norm):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = norm(out)
        self.stride, self.new = stride, out - inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        if self.stride != 1 or self.new:
            x = F.pad(
                x[:, :, :: self.stride, :: self.stride],
                (0, 0, 0, 0, self.new // 2, self.new - self.new // 2),
            )
        return torch.relu(y + x)


class ResNet(nn.Module):
    """6n+2 layers in three stages of n blocks, with `width`, 2·width and 4·width channels; n = 1 is
    ResNet-8.

    Input ``[examples, in_channels, H, W]``, output ``[examples, classes]``. Convolutions start as
    in He et al. 2015 (normal, variance 2/fan-out). Without norm Fixup's rules are added
    (`models/initial.py`); ``fixup=False`` leaves them out, as Masters & Luschi 2018 trained
    (ResNet-32 then learns at m <= 8 alone).
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        norm: Norm,
        n: int = 1,
        width: int = 16,
        fixup: bool | None = None,
    ):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.norm = norm(width)
        channels = [width] * (n + 1) + [2 * width] * n + [4 * width] * n
        blocks = [Block(a, b, 2 if b > a else 1, norm) for a, b in itertools.pairwise(channels)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(4 * width, classes)
        branches = [[block.conv1, block.conv2] for block in blocks]
        _start(self, branches, self.head, is_none(norm) if fixup is None else fixup)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(torch.relu(self.norm(self.conv(x))))
        return self.head(x.mean((2, 3)))


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions; where the shape changes a 1×1 convolution on the shortcut
    (option B).

    The stride is that of the 3×3 convolution, as in torchvision ("ResNet v1.5"), not of the first.
    """

    def __init__(self, inner: int, width: int, stride: int, norm: Norm):
        super().__init__()
        out = 4 * width
        self.conv1, self.norm1 = nn.Conv2d(inner, width, 1, bias=False), norm(width)
        self.conv2, self.norm2 = (
            nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False),
            norm(width),
        )
        self.conv3, self.norm3 = nn.Conv2d(width, out, 1, bias=False), norm(out)
        self.shortcut = None
        if stride != 1 or inner != out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inner, out, 1, stride=stride, bias=False), norm(out)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = torch.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return torch.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet50(nn.Module):
    """50 layers for images of 224×224: four stages of 3, 4, 6 and 3 bottlenecks. Input, output and
    start as `ResNet`."""

    def __init__(self, in_channels: int, classes: int, norm: Norm, fixup: bool | None = None):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False),
            norm(64),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        blocks, inner = [], 64
        for width, number, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for i in range(number):
                blocks.append(Bottleneck(inner, width, stride if i == 0 else 1, norm))
                inner = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inner, classes)
        branches = [[block.conv1, block.conv2, block.conv3] for block in blocks]
        _start(self, branches, self.head, is_none(norm) if fixup is None else fixup)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def _start(
    net: nn.Module, branches: list[list[nn.Conv2d]], head: nn.Linear, with_fixup: bool
) -> None:
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    if with_fixup:
        fixup(branches, head)
