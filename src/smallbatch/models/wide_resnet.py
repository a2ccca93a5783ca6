"""Wide residual networks (Zagoruyko & Komodakis 2016, arXiv 1605.07146)."""

import torch
from torch import nn

from smallbatch.models.initial import fixup, he, is_none
from smallbatch.models.norm import Norm


class Block(nn.Module):
    """Norm and ReLU before each of two 3×3 convolutions; a 1×1 convolution where the shape
    changes."""

    def __init__(self, inner: int, out: int, stride: int, norm: Norm):
        super().__init__()
        self.norm1 = norm(inner)
        self.conv1 = nn.Conv2d(inner, out, 3, stride=stride, padding=1, bias=False)
        self.norm2 = norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.shortcut = None
        if stride != 1 or inner != out:
            self.shortcut = nn.Conv2d(inner, out, 1, stride=stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(x))
        shortcut = x if self.shortcut is None else self.shortcut(y)
        return self.conv2(torch.relu(self.norm2(self.conv1(y)))) + shortcut


class WideResNet(nn.Module):
    """WRN-`depth`-`width`: 16, 16·width, 32·width and 64·width channels, (depth - 4) / 6 blocks a
    stage; no dropout.

    Input ``[examples, in_channels, H, W]``, output ``[examples, classes]``. Weights start as in He
    et al. 2015; without norm with Fixup's rules (`models/initial.py`).
    """

    def __init__(self, in_channels: int, classes: int, norm: Norm, depth: int = 16, width: int = 4):
        super().__init__()
        n, rest = divmod(depth - 4, 6)
        if rest or n < 1:
            raise ValueError(f"depth {depth} is not 6n + 4; write 10, 16, 22, 28 or 40")
        self.conv = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        blocks, inner = [], 16
        for out, stride in ((16 * width, 1), (32 * width, 2), (64 * width, 2)):
            for i in range(n):
                blocks.append(Block(inner, out, stride if i == 0 else 1, norm))
                inner = out
        self.blocks = nn.Sequential(*blocks)
        self.norm = norm(inner)
        self.head = nn.Linear(inner, classes)
        he(self, "fan_out")
        if is_none(norm):
            fixup([[block.conv1, block.conv2] for block in blocks], self.head)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.blocks(self.conv(x)))).mean((2, 3)))
