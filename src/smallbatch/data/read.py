"""Read a prepared data set (`data/prepare.py`) in a training job."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from smallbatch.core.errors import UserError
from smallbatch.data import SPLITS

PIECE = 1024  # images


@dataclass(frozen=True)
class Split:
    """Images ``[n, C, H, W]`` (float32, standardised) and labels ``[n]`` (int64)."""

    images: torch.Tensor
    labels: torch.Tensor

    def to(self, device: torch.device) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Data:
    train: Split
    validation: Split
    test: Split
    classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return tuple(self.train.images.shape[1:])  # type: ignore[return-value]  # images have three axes

    @property
    def device(self) -> torch.device:
        """Where the data lies, and with it all that trains on it."""
        return self.train.images.device

    def to(self, device: torch.device) -> "Data":
        return Data(
            self.train.to(device), self.validation.to(device), self.test.to(device), self.classes
        )


def read(folder: Path) -> Data:
    """The three splits, standardised by the mean and standard deviation of a channel's training
    pixels; raises UserError."""
    splits, start = [], 0
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        labels = np.load(folder / "labels.npy", mmap_mode="r")
        for split in SPLITS:
            stop = start + about["sizes"][split]
            images = _standard(folder / "images.npy", start, stop, about["mean"], about["std"])
            splits.append(Split(images, torch.from_numpy(labels[start:stop].copy())))
            start = stop
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: the prepared data cannot be read ({error}); delete the folder and run snakemake again"
        ) from error
    train, validation, test = splits
    return Data(train, validation, test, about["classes"])


def _standard(
    path: Path, start: int, stop: int, mean: list[float], std: list[float]
) -> torch.Tensor:
    """Standardised images ``start <= i < stop``, piece by piece, so that memory holds them once;
    channels last in it."""
    _, channels, height, width = np.load(path, mmap_mode="r").shape
    centre, scale = (np.array(numbers, np.float32).reshape(-1, 1, 1) for numbers in (mean, std))
    found = np.empty((stop - start, height, width, channels), np.float32)
    for at in range(0, len(found), PIECE):
        # Opened anew: pages that were read count as the process's memory until the file is closed.
        piece = np.load(path, mmap_mode="r")[start + at : min(start + at + PIECE, stop)].astype(
            np.float32
        )
        piece -= centre
        piece /= scale
        found[at : at + PIECE] = piece.transpose(0, 2, 3, 1)
    return torch.from_numpy(found).permute(0, 3, 1, 2)
