"""What is kept of each replica while its block trains."""

import math
import time


class Record:
    """What is kept of one replica while it trains. A replica that diverged is frozen: nothing changes it."""

    def __init__(self, seed: int, base_lr: float, batch_size: int):
        self.seed, self.base_lr, self.batch_size = seed, base_lr, batch_size
        self.history: list[dict] = []
        self.diverged = False
        self.epochs = self.updates = self.examples = self.spent = 0
        self.seconds = 0.0

    def begin(self, scores: dict, val_loss: float, val_correct, row: int) -> None:
        """Take the scores before training; `row` is the replica's in `scores`."""
        self._keep(scores, row)
        self.initial_loss = self.train_loss
        self.diverged = not math.isfinite(self.initial_loss)
        self._add(0, None, None, val_loss, val_correct, scored=True)

    def end_epoch(
        self, epoch, updates, examples, spent, batch_size, lr, running, val_loss, val_correct, scores, row, finite, noise=None
    ) -> None:  # fmt: skip
        """Take the scores after an epoch. `batch_size` is the last update's, or None for the mean of the epoch's updates,
        which the replica chose: `spent` are the examples of its updates so far, without those of an unfinished one.
        `noise` are the columns of per-epoch measures (`measures/`)."""
        if batch_size or updates > self.updates:
            self.batch_size = batch_size or (spent - self.spent) / (updates - self.updates)
            self.spent = spent
        self.epochs, self.updates, self.examples, self.diverged = epoch, updates, examples, not finite
        if scores is not None and finite:
            self._keep(scores, row)
            self.diverged = not math.isfinite(self.train_loss_now)
        self._add(epoch, lr, running, val_loss, val_correct, scored=scores is not None and not self.diverged)
        self.history[-1] |= noise or {}

    def status(self, entropy: float) -> str:
        if self.diverged or self.train_loss > self.initial_loss:
            return "diverged"
        return "untrained" if self.train_loss > 0.9 * entropy else "completed"

    def state(self) -> dict:
        """All but the correctness of examples (``scores["val"]``, ``scores["test"]``), as JSON can hold it."""
        return {key: value for key, value in vars(self).items() if key != "scores"} | {
            "score_val_loss": self.scores["val_loss"]
        }

    @classmethod
    def from_state(cls, state: dict, val, test) -> "Record":
        record = cls(state["seed"], state["base_lr"], state["batch_size"])
        vars(record).update(state)
        record.scores = {"val_loss": vars(record).pop("score_val_loss"), "val": val, "test": test}
        return record

    def _keep(self, scores: dict, row: int) -> None:
        self.train_loss_now = float(scores["train_loss"][row])
        if math.isfinite(self.train_loss_now) or not self.history:
            self.train_loss = self.train_loss_now  # the last finite one, if there is one
        self.scores = {
            "val_loss": float(scores["val_loss"][row]),
            "val": scores["val"][row],
            "test": scores["test"][row],
        }

    def _add(self, epoch, lr, running, val_loss, val_correct, scored: bool) -> None:
        self.history.append(
            {
                "epoch": epoch,
                "updates": self.updates,
                "examples": self.examples,
                "batch_size": round(self.batch_size),
                "lr": lr,
                "train_loss_running": running,
                "val_loss": val_loss,
                "val_accuracy": float(val_correct.mean()),
                "train_loss": self.train_loss_now if scored else None,
                "test_accuracy": float(self.scores["test"].mean()) if scored else None,
                "time": time.time_ns() // 1_000_000,
                "seconds": self.seconds,
            }
        )


class Clock:
    """Shares the wall time of a block equally among the replicas that are still alive."""

    def __init__(self, records: list[Record]):
        self.records = records
        self.last = time.perf_counter()

    def share(self) -> None:
        now = time.perf_counter()
        alive = [record for record in self.records if not record.diverged] or self.records
        for record in alive:
            record.seconds += (now - self.last) / len(alive)
        self.last = now
