"""The tape: the layers of a module in order, written by `translate.py` and run by `step.py`."""

from dataclasses import dataclass, field

import numpy as np
import torch

from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.engines.compiled.vector import LANES
from smallbatch.training.engines.groups import CannotFuse


@dataclass
class Tensor:
    """An activation ``[examples, height, width, channels]``; tensors with the same `storage` share
    memory."""

    channels: int  # as in the module; padded to a multiple of LANES in memory
    height: int
    width: int
    storage: int
    maker: int | None = None  # index of the row of the tape that writes it
    flat: bool = False  # in the module, its shape is [examples, channels·height·width]

    @property
    def padded(self) -> int:
        return self.channels if self.maker is None else lanes(self.channels)


def lanes(n: int) -> int:
    return -(-n // LANES) * LANES


@dataclass
class Tape:
    """The layers of a module, independent of batch size and memory layout."""

    rows: list[list[int]] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    # Zero borders of each storage: [around values, around gradients].
    borders: list[list[int]] = field(default_factory=list)
    norms: list[GhostBatchNorm] = field(default_factory=list)  # in the order of the forward
    # Parameter name -> indices of its elements in the flat vector.
    names: dict[str, np.ndarray] = field(default_factory=dict)
    shapes: dict[str, tuple] = field(default_factory=dict)  # padded shapes in memory
    parameters: int = 0  # number of trained elements in the flat vector
    widest: int = LANES  # channels of the widest layer
    logits: int = 0  # index of the output tensor
    classes: int = 0

    def place(
        self, name: str, parameter: torch.Tensor, shape: tuple, real: tuple, order: tuple
    ) -> int:
        """Reserve memory of ``shape`` for a parameter and return its offset. The parameter, viewed
        as `real` and permuted by `order`, fills the corner."""
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
