"""Per-replica history of a block in training."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from smallbatch.core.records import HistoryRow


@dataclass(frozen=True)
class Scores:
    """Results of a pass over all splits at fixed weights, with exact batch-norm statistics. Rows
    are those of the trainer."""

    train_loss: np.ndarray  # [rows]
    val_loss: np.ndarray  # [rows]
    val_correct: np.ndarray  # [rows, validation images], bool
    test_correct: np.ndarray  # [rows, test images], bool


@dataclass(frozen=True)
class EpochEnd:
    """A replica at the end of an epoch."""

    epoch: int
    updates: int  # made so far
    examples: int  # drawn so far
    used: int  # drawn for finished updates
    # Of the last update; None if the replica chooses its batch sizes: then the epoch's mean is
    # recorded.
    batch_size: int | None
    lr: float  # of the last update
    running_loss: float  # mean over the epoch's updates
    val_loss: float  # with the running statistics of batch norm
    val_accuracy: float
    is_finite: bool  # whether the loss and all weights are finite
    scores: Scores | None  # None if the epoch is not scored
    row: int  # row of the replica in `scores`


class ReplicaHistory:
    """History of one replica in training; not updated any more after the replica diverged."""

    def __init__(self, seed: int, base_lr: float, batch_size: float):
        self.seed, self.base_lr = seed, base_lr
        self.batch_size = batch_size  # of the last update, or the last epoch's mean
        self.history: list[HistoryRow] = []
        self.diverged = False
        self.epochs = self.updates = self.examples = self.used = 0
        self.seconds = 0.0  # its share of the block's training time
        self.initial_loss = self.train_loss = self.train_loss_now = math.nan
        self.val_loss = math.nan  # of the last scored epoch, as are the next two
        self.val_correct = self.test_correct = np.empty(0, bool)

    def begin(self, scores: Scores, val_loss: float, val_accuracy: float, row: int) -> None:
        """Record the scores before training; `row` is the row of the replica in `scores`."""
        self._score(scores, row)
        self.initial_loss = self.train_loss
        self.diverged = not math.isfinite(self.initial_loss)
        self._add_row(None, None, val_loss, val_accuracy, is_scored=True)

    def end_epoch(self, end: EpochEnd) -> None:
        if end.batch_size is not None:
            self.batch_size = end.batch_size
        elif end.updates > self.updates:
            self.batch_size = (end.used - self.used) / (end.updates - self.updates)
            self.used = end.used
        self.epochs, self.updates, self.examples = end.epoch, end.updates, end.examples
        self.diverged = not end.is_finite
        if end.scores is not None and end.is_finite:
            self._score(end.scores, end.row)
            self.diverged = not math.isfinite(self.train_loss_now)
        is_scored = end.scores is not None and not self.diverged
        self._add_row(end.lr, end.running_loss, end.val_loss, end.val_accuracy, is_scored)

    def measured(self, columns: Mapping[str, Any]) -> None:
        """Add columns, such as those of per-epoch measures (`measures/`), to the last row."""
        cast("dict[str, Any]", self.history[-1]).update(columns)

    def status(self, entropy: float, guess: float) -> str:
        """``completed``, ``untrained`` or ``diverged``. `entropy` is the entropy of the training
        labels, `guess` the validation accuracy of always answering the most frequent of them.

        With wrong training labels the loss cannot fall far, but validation images show what was
        learned.
        """
        if self.diverged or self.train_loss > self.initial_loss:
            return "diverged"
        if self.train_loss <= 0.9 * entropy:
            return "completed"
        accuracy = float(self.val_correct.mean())
        learnt = accuracy > guess and accuracy >= guess + 0.8 * (1 - guess)
        return "completed" if learnt else "untrained"

    def state(self) -> dict[str, Any]:
        """The state for JSON: everything except the correctness of images, which checkpoints store
        as arrays."""
        return {key: value for key, value in vars(self).items() if not key.endswith("_correct")}

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], val_correct: np.ndarray, test_correct: np.ndarray
    ) -> "ReplicaHistory":
        replica = cls(state["seed"], state["base_lr"], state["batch_size"])
        vars(replica).update(state, val_correct=val_correct, test_correct=test_correct)
        return replica

    def _score(self, scores: Scores, row: int) -> None:
        self.train_loss_now = float(scores.train_loss[row])
        # If a replica diverges, its last finite loss is reported, if there is one.
        if math.isfinite(self.train_loss_now) or not self.history:
            self.train_loss = self.train_loss_now
        self.val_loss = float(scores.val_loss[row])
        self.val_correct, self.test_correct = scores.val_correct[row], scores.test_correct[row]

    def _add_row(
        self,
        lr: float | None,
        running_loss: float | None,
        val_loss: float,
        val_accuracy: float,
        is_scored: bool,
    ) -> None:
        self.history.append(
            {
                "epoch": self.epochs,
                "updates": self.updates,
                "examples": self.examples,
                "batch_size": round(self.batch_size),
                "lr": lr,
                "train_loss_running": running_loss,
                "val_loss": val_loss,
                "val_accuracy": val_accuracy,
                "train_loss": self.train_loss_now if is_scored else None,
                "test_accuracy": float(self.test_correct.mean()) if is_scored else None,
                "time": time.time_ns() // 1_000_000,
                "seconds": self.seconds,
            }
        )


class Clock:
    """Divides the wall time of a block equally among the replicas that have not diverged."""

    def __init__(self, replicas: list[ReplicaHistory]):
        self.replicas = replicas
        self.last = time.perf_counter()

    def share(self) -> None:
        """Add the time since the last call to the replicas' seconds."""
        now = time.perf_counter()
        alive = [replica for replica in self.replicas if not replica.diverged] or self.replicas
        for replica in alive:
            replica.seconds += (now - self.last) / len(alive)
        self.last = now

    def skip(self) -> None:
        """Ignore the time since the last call."""
        self.last = time.perf_counter()
