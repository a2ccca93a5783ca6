"""The layers of a module in order (`step.py` runs them), as `translate.py` writes them down."""

from dataclasses import dataclass, field

import numpy as np
import torch

from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.engines.compiled.vector import LANES
from smallbatch.training.engines.groups import CannotFuse


@dataclass
class Tensor:
    """An activation ``[examples, height, width, channels]`` and the memory it shares with others
    (`storage`)."""

    channels: int  # of the module; padded to a multiple of LANES in memory
    height: int
    width: int
    storage: int
    maker: int | None = None  # the row of the tape that writes it
    flat: bool = False  # seen by the module as [examples, channels·height·width]

    @property
    def padded(self) -> int:
        return self.channels if self.maker is None else lanes(self.channels)


def lanes(n: int) -> int:
    return -(-n // LANES) * LANES


@dataclass
class Tape:
    """The layers of a module, without sizes of batch or memory."""

    rows: list[list[int]] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    # of each storage: [around values, around gradients]
    borders: list[list[int]] = field(default_factory=list)
    norms: list[GhostBatchNorm] = field(default_factory=list)  # in the order of the forward
    # parameter -> where its elements lie in the flat vector
    names: dict[str, np.ndarray] = field(default_factory=dict)
    shapes: dict[str, tuple] = field(default_factory=dict)  # in memory, padded
    parameters: int = 0  # elements of the flat vector that are trained
    widest: int = LANES  # channels of the widest layer
    logits: int = 0  # the number of the last tensor
    classes: int = 0

    def place(
        self, name: str, parameter: torch.Tensor, shape: tuple, real: tuple, order: tuple
    ) -> int:
        """Reserve ``shape`` for a parameter whose view `real`, permuted by `order`, fills its
        corner; returns the offset."""
        if not parameter.requires_grad:
            raise CannotFuse(f"{name} is frozen")
        if name not in self.names:
            cells = np.arange(np.prod(shape)).reshape(shape)[
                tuple(slice(real[axis]) for axis in order)
            ]
            self.names[name] = self.parameters + cells.transpose(np.argsort(order)).reshape(-1)
            self.parameters += int(np.prod(shape))
            self.shapes[name] = shape
        if self.shapes[name] != shape:
            raise CannotFuse(f"{name} is used on inputs of different shapes")
        return int(self.names[name].min())
