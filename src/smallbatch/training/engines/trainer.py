"""What the training loop asks of the replicas of a block, whichever engine trains them.

    Compiled   (`compiled/trainer.py`)   the compiled step, one replica after the other
    Modules    (`modules.py`)            PyTorch: a fused network of several replicas, or one module alone
    Adaptive   (`adaptive.py`)           either of these under a rule that chooses the batch size

Shapes: R replicas, m examples of a batch, C, H and W of an image, N examples of a split, P numbers
in a gradient. Arrays that go in and out are NumPy's and on the host.
"""

from typing import Any, Protocol

import numpy as np
import torch

from smallbatch.data.read import Split
from smallbatch.schedules.adaptive import Moments

Statistics = Any  # of batch norm for each replica; only the trainer that made them can read them


class ReplicaTrainer(Protocol):
    """Replicas with their weights, optimizer and batch norm, trained together on the same data.

    A row is the place of a replica in the trainer. When replicas diverge, the loop drops their
    rows.
    """

    @property
    def replicas(self) -> int:
        """The number of rows, R."""

    @property
    def padding(self) -> int:
        """The number of rows at the end that stay when others are dropped, so that no bit of the
        others changes."""

    @property
    def normalised(self) -> bool:
        """Whether there is batch norm, so that statistics matter."""

    def update(self, train: Split, order: np.ndarray, lr: np.ndarray, total: np.ndarray) -> None:
        """One update for each batch of `order` ``[R, updates, m]`` (indices in `train`), with rates
        `lr` ``[updates, R]``.

        Adds the mean loss of each update's batch to `total` ``[R]`` (float64).
        """

    def updates_made(self, rounds: int, examples: int) -> tuple[np.ndarray, np.ndarray]:
        """How many updates each replica has made after `rounds`, and of how many of the `examples`
        drawn ``[R]``.

        They differ from `rounds` and `examples` where a replica chooses its batch size.
        """

    def gradient_products(self, train: Split, order: np.ndarray) -> np.ndarray:
        """For batches `order` ``[R, K, b]`` the products of their mean gradients ``[R, K, K]``.
        Changes nothing."""

    def score(
        self, split: Split, statistics: Statistics | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean cross-entropy ``[R]`` and correctness ``[R, N]`` (bool) in evaluation mode.

        Batch norm uses `statistics`, or its running statistics if there are none.
        """

    def exact_statistics(self, images: torch.Tensor) -> Statistics:
        """Batch norm's chunk statistics, averaged over one pass of `images` ``[N, C, H, W]``
        (`training/scoring.py`)."""

    def population_statistics(self, images: torch.Tensor) -> Statistics:
        """Batch norm's statistics over all `images` ``[N, C, H, W]`` at once."""

    def finite(self) -> np.ndarray:
        """Which replicas have only finite weights ``[R]``."""

    def state(self) -> dict[str, np.ndarray]:
        """All that training changes, by name: each ``[R, ...]``, a copy."""

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Go on from `state`, whatever number of replicas it holds."""


class MomentTrainer(ReplicaTrainer, Protocol):
    """A trainer that rules for the batch size can use: it updates replica by replica, from moments
    of gradients."""

    @property
    def gradient_size(self) -> int:
        """P, the numbers in a gradient as `moment_sums` has it."""

    @property
    def dtype(self) -> np.dtype:
        """The type of those numbers."""

    def moment_sums(self, r: int, train: Split, index: np.ndarray, sums: np.ndarray) -> float:
        """Add the moments of the block of examples `index` ``[n]`` to `sums` ``[2, P]``; returns
        their mean loss.

        The moments are the block's mean gradient, and the sum of the squares (∇ℓ_i / n)².
        """

    def weighed(self, r: int, sums: np.ndarray, blocks: int, n: int, loss: float) -> Moments:
        """The moments that a rule sees of `blocks` blocks of n examples, of which `loss` is the
        mean."""

    def apply(self, r: int, gradient: np.ndarray, lr: float) -> None:
        """One update of replica r by a mean gradient ``[P]``."""
