"""The interface of a per-epoch measure; `registry.py` lists the measures.

Planning, costs and tables use this module without importing torch.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from smallbatch.core.records import Fleet, HistoryRow


class Replica(Protocol):
    """What a measure can read of a replica in addition to its weights (`training/history.py`)."""

    seed: int
    base_lr: float
    history: list[HistoryRow]


class Trainer(Protocol):
    """The replicas of a block (`training/engines/trainer.py`); a measure must not change them."""

    def gradient_products(self, train: Any, order: np.ndarray) -> np.ndarray:
        """Inner products ``[R, K, K]`` of the mean gradients of batches `order` ``[R, K, b]``."""


class EpochMeasure(Protocol):
    """A measure of every replica at the end of every epoch, if the study enables it.

    `setting` is the value of the measure's key; `fleet` holds the replicas' shared settings, as in
    a plan.
    """

    key: str  # in `evaluation` of a study; if null, nothing is measured
    columns: pa.Schema  # of history.parquet; null if not measured
    tracked: tuple[str, ...]  # the columns that are logged to MLflow
    figure: str  # in `figures/`, for studies that enable the measure
    # Gradients held at once per replica, to predict memory (`resources/memory_model.py`).
    gradients: int

    def check(self, setting: float) -> None:
        """Raise ValueError, with the key and the fix, for a setting that is never valid."""

    def check_point(self, setting: float, unit: int, train_size: int) -> None:
        """Raise ValueError for a setting that is not valid with the BN batch size `unit` (1 without
        batch norm) and the size of the training set."""

    def batch(self, fleet: Fleet, train_size: int) -> int:
        """Maximum number of examples per forward and backward pass, to predict memory."""

    def examples(self, fleet: Fleet, train_size: int) -> int:
        """Cost of one epoch's measurement, as the number of training examples that take as long."""

    def measure(
        self, trainer: Trainer, data: Any, fleet: Fleet, replicas: Sequence[Replica], epoch: int
    ) -> list[dict[str, float]]:
        """The columns' values for each replica of `trainer` at its current weights.

        `data` is a `data.read.Data`. Random draws depend only on the replica's seed and the epoch,
        so that a resumed run measures the same values.
        """
