"""What a per-epoch measure has; `registry.py` lists those that there are.

Plans, costs and tables read this without torch.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from smallbatch.core.records import Fleet, HistoryRow


class Replica(Protocol):
    """What a measure may know of a replica beside its weights (`training/history.py`)."""

    seed: int
    base_lr: float
    history: list[HistoryRow]


class Trainer(Protocol):
    """The replicas of a block, whose weights are measured; a measure changes nothing of them
    (`training/engines/trainer.py`)."""

    def gradient_products(self, train: Any, order: np.ndarray) -> np.ndarray:
        """For batches `order` ``[R, K, b]`` the products of their mean gradients ``[R, K, K]``."""


class EpochMeasure(Protocol):
    """Something that is measured of every replica at the end of every epoch, if the study asks for
    it.

    `setting` is the value of the measure's key; `fleet` is what the replicas share, as a plan has
    it.
    """

    key: str  # of `evaluation` in a study; null there: not measured
    columns: pa.Schema  # of history.parquet; null where it isn't measured
    tracked: tuple[str, ...]  # those of them that MLflow shows
    figure: str  # of `figures/`, of a study that asks for the measure
    gradients: int  # that are held at once, for each replica: for the prediction of memory (`resources/memory_model.py`)

    def check(self, setting: float) -> None:
        """Raise ValueError, with the key and the fix, for a setting that no study can have."""

    def check_point(self, setting: float, unit: int, train_size: int) -> None:
        """The same for one that doesn't go with this BN batch size `unit` (1 without batch norm)
        and training set."""

    def batch(self, fleet: Fleet, train_size: int) -> int:
        """The most examples of one forward and backward: for the prediction of memory."""

    def examples(self, fleet: Fleet, train_size: int) -> int:
        """Examples of an epoch's measurement, as many as take as long in training: for the
        prediction of cost."""

    def measure(
        self, trainer: Trainer, data: Any, fleet: Fleet, replicas: Sequence[Replica], epoch: int
    ) -> list[dict[str, float]]:
        """The columns' values for each replica of `trainer` at its weights; `data` is a
        `data.read.Data`.

        What is drawn at random follows from a replica's seed and the epoch: an interrupted run
        measures the same.
        """
