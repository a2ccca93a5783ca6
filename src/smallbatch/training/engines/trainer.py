"""The interface between the training loop and the engines.

    Compiled   (`compiled/trainer.py`)   the compiled step, one replica after another
    Modules    (`modules.py`)            PyTorch: a fused network, or a single module
    Adaptive   (`adaptive.py`)           one of these with a rule that chooses the batch size

Shapes: R replicas, m examples per batch, C, H and W of an image, N examples of a split, P elements
of a gradient. Arrays are NumPy arrays on the host.
"""

from typing import Any, Protocol

import numpy as np
import torch

from smallbatch.data.read import Split
from smallbatch.schedules.adaptive import Moments

Statistics = Any  # batch-norm statistics of each replica, in the trainer's own format


class ReplicaTrainer(Protocol):
    """Replicas with their weights, optimizer state and batch norm, trained together on the same
    data.

    A row is the index of a replica in the trainer. When replicas diverge, the loop drops their
    rows.
    """

    @property
    def replicas(self) -> int:
        """The number of rows, R."""

    @property
    def padding(self) -> int:
        """The number of padding rows at the end. They are kept when others are dropped, so that the
        bits of the remaining rows do not change."""

    @property
    def normalised(self) -> bool:
        """Whether the networks have batch norm, and so statistics."""

    def update(self, train: Split, order: np.ndarray, lr: np.ndarray, total: np.ndarray) -> None:
        """Make one update per batch of `order` ``[R, updates, m]`` (indices into `train`) with
        rates `lr` ``[updates, R]``.

        Adds the mean loss of each update's batch to `total` ``[R]`` (float64).
        """

    def updates_made(self, rounds: int, examples: int) -> tuple[np.ndarray, np.ndarray]:
        """The number of updates of each replica ``[R]`` after `rounds`, and the number of examples
        in them ``[R]``, out of `examples` drawn.

        They differ from `rounds` and `examples` if replicas choose their batch sizes.
        """

    def gradient_products(self, train: Split, order: np.ndarray) -> np.ndarray:
        """Inner products ``[R, K, K]`` of the mean gradients of batches `order` ``[R, K, b]``,
        without changing the state."""

    def score(
        self, split: Split, statistics: Statistics | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean cross-entropy ``[R]`` and correctness ``[R, N]`` (bool) in evaluation mode.

        Batch norm uses `statistics` or, by default, its running statistics.
        """

    def exact_statistics(self, images: torch.Tensor) -> Statistics:
        """Batch-norm statistics of chunks, averaged over one pass of `images` ``[N, C, H, W]``
        (`training/scoring.py`)."""

    def population_statistics(self, images: torch.Tensor) -> Statistics:
        """Batch-norm statistics over all `images` ``[N, C, H, W]`` at once."""

    def finite(self) -> np.ndarray:
        """Whether all weights of each replica are finite, ``[R]`` (bool)."""

    def state(self) -> dict[str, np.ndarray]:
        """A copy of everything that training changes: ``{name: [R, ...]}``."""

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Load `state`, which can have another number of replicas."""


class MomentTrainer(ReplicaTrainer, Protocol):
    """A trainer for rules that choose the batch size: it updates one replica at a time, from
    moments of gradients."""

    @property
    def gradient_size(self) -> int:
        """P, the number of elements in a gradient."""

    @property
    def dtype(self) -> np.dtype:
        """The data type of gradients."""

    def moment_sums(self, r: int, train: Split, index: np.ndarray, sums: np.ndarray) -> float:
        """Add the moments of the block of examples `index` ``[n]`` to `sums` ``[2, P]``; returns
        the mean loss.

        The moments are the block's mean gradient and the sum of (∇ℓ_i / n)² over its examples.
        """

    def weighed(self, r: int, sums: np.ndarray, blocks: int, n: int, loss: float) -> Moments:
        """The moments for a rule from the sums over `blocks` blocks of n examples with mean loss
        `loss`."""

    def apply(self, r: int, gradient: np.ndarray, lr: float) -> None:
        """Update replica r with a mean gradient ``[P]``."""
