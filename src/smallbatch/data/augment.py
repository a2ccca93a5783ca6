"""Augmentation: random crops of padded images and mirror images (He et al. 2016, arXiv 1512.03385,
section 4.2).

What happens to an example is drawn by (seed, epoch, example) alone: the same for every batch size,
whatever other replicas train, and after an interruption.
"""

from functools import lru_cache

import numpy as np
import torch

from smallbatch.core.records import AugmentationSettings
from smallbatch.data.read import Split
from smallbatch.data.stream import stream

IMAGES = 1024  # that are augmented at once, if a batch isn't larger


@lru_cache(maxsize=32)
def moves(seed: int, epoch: int, size: int, padding: int, flip: bool) -> np.ndarray:
    """For each of `size` examples ``(down, right, mirrored)``: where its crop begins, from 0 to
    2·padding, int8 ``[size, 3]``."""
    random = np.random.Generator(np.random.PCG64([seed, epoch, 1]))
    found = np.zeros((size, 3), np.int8)
    found[:, :2] = random.integers(0, 2 * padding + 1, (size, 2))
    found[:, 2] = random.integers(0, 2, size) if flip else 0
    found.flags.writeable = False  # cached: one copy for all
    return found


def moves_in(
    seed: int, size: int, start: int, stop: int, augmentation: AugmentationSettings
) -> np.ndarray:
    """The moves of positions ``start <= i < stop`` of the stream of examples (`data/stream.py`),
    ``[stop - start, 3]``."""
    found, order = np.empty((stop - start, 3), np.int8), stream(seed, size, start, stop)
    at = start
    while at < stop:
        end = min(stop, (at // size + 1) * size)
        drawn = moves(seed, at // size, size, augmentation["padding"], augmentation["flip"])
        found[at - start : end - start] = drawn[order[at - start : end - start]]
        at = end
    return found


class Augmented:
    """Makes batches of moved images of `train`, in memory that is used again and again, where
    `train` lies."""

    def __init__(self, train: Split, padding: int, least: int):
        """`least`: images that must be made at once at least, a batch of every replica."""
        self.train, self.padding, self.at_once = train, padding, max(IMAGES, least)
        _, channels, height, width = train.images.shape
        memory = train.images.new_empty(self.at_once, height, width, channels)
        self.made = Split(memory.permute(0, 3, 1, 2), train.labels.new_empty(self.at_once))

    def __call__(self, order: np.ndarray, moves: np.ndarray) -> tuple[Split, np.ndarray]:
        """The examples `order` ``[R, updates, m]``, moved by `moves` ``[R, updates, m, 3]``: a data
        set and the order in it."""
        index = torch.from_numpy(order.reshape(-1)).to(self.train.images.device)
        moved(
            self.train.images,
            index,
            torch.from_numpy(moves.reshape(-1, 3)),
            self.padding,
            self.made.images,
        )
        torch.index_select(self.train.labels, 0, index, out=self.made.labels[: len(index)])
        return self.made, np.arange(order.size).reshape(order.shape)


def moved(
    images: torch.Tensor, index: torch.Tensor, moves: torch.Tensor, padding: int, out: torch.Tensor
) -> None:
    """Write the images ``[N, C, H, W]`` at `index` ``[n]``, moved by `moves` ``[n, 3]``, to the
    first n of `out`.

    Pixels from outside an image are 0, the mean colour. `images` and `out` lie channels last in
    memory.
    """
    (_, channels, height, width), n = images.shape, len(index)
    down, right, mirrored = moves.to(images.device).long().t()[..., None]
    y = torch.arange(height, device=images.device) + down - padding  # [n, H]
    x = torch.arange(width, device=images.device)
    x = torch.where(mirrored > 0, width - 1 - x, x) + right - padding  # [n, W]
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None]
    pixel = (index[:, None] * height + y.clamp(0, height - 1))[..., None] * width + x.clamp(
        0, width - 1
    )[:, None]
    pixels, target = (
        images.permute(0, 2, 3, 1).reshape(-1, channels),
        out[:n].permute(0, 2, 3, 1).view(-1, channels),
    )
    torch.index_select(pixels, 0, pixel.view(-1), out=target)
    target.mul_(inside.view(-1, 1))
