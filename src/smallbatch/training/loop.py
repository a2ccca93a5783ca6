"""The training loop of one block of replicas: same network, data, batch size and budget; own rate and seed.

    θ_r <- θ_r - η̃_r · Σ_{i in batch_r} ∇ℓ_i        (Masters & Luschi 2018, equations 5 and 6)

computed as η = η̃·m on the mean gradient. See `training/sgd.py` for momentum and decay,
`data/stream.py` for the batches, `schedules/` for rate and budget.
"""

import math
import time

import numpy as np

from smallbatch.data.read import Data
from smallbatch.data.stream import stream
from smallbatch.schedules.budget import epoch_ends, final_epochs
from smallbatch.schedules.step import factor_at


def train_block(crew, data: Data, fleet: dict, base_lr: list[float], seeds: list[int], watch=None) -> list[dict]:
    """Train the replicas of `crew` and return for each ``{"summary", "history", "correct"}``.

    `crew` holds ``len(seeds)`` replicas (`training/compiled/`, `training/modules.py`). `fleet` is the part of a plan that
    replicas share. `watch(records, share)` is called at every epoch's end with the share of the budget that is done.
    Column meanings: README.
    """
    m, updates = fleet["batch_size"], fleet["updates"]
    ends = epoch_ends(updates, m, len(data.train.labels))
    final = final_epochs([epoch for epoch, _ in ends])
    scored = set(final) | set(fleet["evaluation"]["epochs"])

    records = [Record(seed, rate, m) for seed, rate in zip(seeds, base_lr, strict=True)]
    clock = Clock(records)
    start_scores = score_epoch(crew, data)
    val_loss, val_correct = crew.score(data.validation)
    for r, record in enumerate(records):
        record.begin(start_scores, float(val_loss[r]), val_correct[r], r)
    done = 0
    for epoch, end in ends:
        total = np.zeros(len(seeds))
        lr = learning_rates(base_lr, fleet, done, end)
        crew.update(data.train, batches(seeds, m, len(data.train.labels), done, end), lr, total)
        running, done = total / (end - done), end
        val_loss, val_correct = crew.score(data.validation)
        scores = score_epoch(crew, data) if epoch in scored else None
        finite = np.isfinite(running) & crew.finite()
        clock.share()  # before the diverged leave, so that they pay for the epoch in which they did
        for r, record in enumerate(records):
            if not record.diverged:
                record.end_epoch(
                    *(epoch, end, float(lr[-1, r]), float(running[r])),
                    *(float(val_loss[r]), val_correct[r], scores, r, bool(finite[r])),
                )
        if watch:
            watch(records, end / updates)
            clock.last = time.perf_counter()  # logging is not training
    results = finish(crew, data, records, final)
    clock.share()
    for record, result in zip(records, results, strict=True):
        result["summary"]["seconds"] = record.seconds
    return results


def learning_rates(base_lr: list[float], fleet: dict, start: int, stop: int) -> np.ndarray:
    """The rates η of updates ``start <= u < stop``: ``[updates, R]``."""
    schedule, updates = fleet["schedule"], fleet["updates"]
    factors = [factor_at(u, updates, schedule["drops"], schedule["factor"]) for u in range(start, stop)]
    return np.array(base_lr)[None, :] * fleet["batch_size"] * np.array(factors)[:, None]


def batches(seeds: list[int], m: int, size: int, start: int, stop: int) -> np.ndarray:
    """Which examples of the training set (of `size`) each update sees: ``[R, updates, m]``."""
    return np.stack([stream(seed, size, start * m, stop * m) for seed in seeds]).reshape(len(seeds), stop - start, m)


def score_epoch(crew, data: Data) -> dict:
    """The scores of a scored epoch, with exact statistics: each ``[R]`` or ``[R, examples]``."""
    statistics = crew.exact_statistics(data.train.images)
    train_loss, _ = crew.score(data.train, statistics)
    val_loss, val_correct = crew.score(data.validation, statistics)
    _, test_correct = crew.score(data.test, statistics)
    return {"train_loss": train_loss, "val_loss": val_loss, "val": val_correct, "test": test_correct}


def finish(crew, data: Data, records: list["Record"], final: list[int]) -> list[dict]:
    """Summaries at the end of training, with the other statistics of batch norm beside the exact ones."""
    others = {}
    if crew.normalised:
        others["val_accuracy_running"] = crew.score(data.validation)[1]
        others["test_accuracy_running"] = crew.score(data.test)[1]
        population = crew.population_statistics(data.train.images)
        others["test_accuracy_population"] = crew.score(data.test, population)[1]
    counts = np.bincount(data.train.labels.numpy(), minlength=data.classes)
    prior = counts / counts.sum()
    entropy = float(-(prior[prior > 0] * np.log(prior[prior > 0])).sum())
    guess = int(counts.argmax())  # what a diverged model predicts: the most frequent training class
    results = []
    for r, record in enumerate(records):
        status = record.status(entropy)
        if status == "diverged":
            val, test = data.validation.labels.numpy() == guess, data.test.labels.numpy() == guess
            median = float(test.mean())
            statistics = {name: float((val if name.startswith("val") else test).mean()) for name in others}
        else:
            val, test = record.scores["val"], record.scores["test"]
            median = float(np.median([row["test_accuracy"] for row in record.history if row["epoch"] in final]))
            statistics = {name: float(correct[r].mean()) for name, correct in others.items()}
        summary = {
            "seed": record.seed,
            "base_lr": record.base_lr,
            "status": status,
            "epochs": record.epochs,
            "updates": record.updates,
            "examples": record.updates * record.batch_size,
            "train_loss": record.train_loss,
            "val_loss": None if status == "diverged" else record.scores["val_loss"],
            "val_accuracy": float(val.mean()),
            "test_accuracy": float(test.mean()),
            "test_accuracy_median": median,
        }
        results.append(
            {"summary": summary | statistics, "history": record.history, "correct": np.packbits(test).tobytes()}
        )
    return results


class Record:
    """What is kept of one replica while it trains. A replica that diverged is frozen: nothing changes it."""

    def __init__(self, seed: int, base_lr: float, batch_size: int):
        self.seed, self.base_lr, self.batch_size = seed, base_lr, batch_size
        self.history: list[dict] = []
        self.diverged = False
        self.epochs = self.updates = 0
        self.seconds = 0.0

    def begin(self, scores: dict, val_loss: float, val_correct, r: int) -> None:
        self._keep(scores, r)
        self.initial_loss = self.train_loss
        self._add(0, None, None, val_loss, val_correct, scored=True)

    def end_epoch(self, epoch, updates, lr, running, val_loss, val_correct, scores, r, finite) -> None:
        self.epochs, self.updates, self.diverged = epoch, updates, not finite
        if scores is not None and finite:
            self._keep(scores, r)
            self.diverged = not math.isfinite(self.train_loss_now)
        self._add(epoch, lr, running, val_loss, val_correct, scored=scores is not None and not self.diverged)

    def status(self, entropy: float) -> str:
        if self.diverged or self.train_loss > self.initial_loss:
            return "diverged"
        return "untrained" if self.train_loss > 0.9 * entropy else "completed"

    def _keep(self, scores: dict, r: int) -> None:
        self.train_loss_now = float(scores["train_loss"][r])
        if math.isfinite(self.train_loss_now):
            self.train_loss = self.train_loss_now  # the last finite one
        self.scores = {"val_loss": float(scores["val_loss"][r]), "val": scores["val"][r], "test": scores["test"][r]}

    def _add(self, epoch, lr, running, val_loss, val_correct, scored: bool) -> None:
        self.history.append(
            {
                "epoch": epoch,
                "updates": self.updates,
                "examples": self.updates * self.batch_size,
                "batch_size": self.batch_size,
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
