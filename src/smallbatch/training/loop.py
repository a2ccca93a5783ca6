"""The training loop of one block of replicas: same network, data, batch size and budget; own rate and seed.

    θ_r <- θ_r - η̃_r · Σ_{i in batch_r} ∇ℓ_i        (Masters & Luschi 2018, equations 5 and 6)

computed as η = η̃·m on the mean gradient. See `training/sgd.py` for momentum and decay,
`data/stream.py` for the batches, `schedules/` for rate and budget.
"""

import math
import time

import numpy as np
import torch
from torch.nn import functional as F

from smallbatch.data.read import Data
from smallbatch.data.stream import stream
from smallbatch.schedules.budget import epoch_ends, final_epochs
from smallbatch.schedules.step import factor_at
from smallbatch.training.evaluate import (
    exact_statistics,
    fixed_statistics,
    norm_layers,
    population_statistics,
    score,
)
from smallbatch.training.groups import gradients, trained
from smallbatch.training.sgd import SGD


def train_block(net, data: Data, fleet: dict, base_lr: list[float], seeds: list[int], watch=None) -> list[dict]:
    """Train the replicas of `net` and return for each ``{"summary", "history", "correct"}``.

    `net` holds ``len(seeds)`` replicas side by side (`training/groups.py`), or is an ordinary module
    and there is one. `fleet` is the part of a plan that replicas share. `watch(records, share)` is called at
    every epoch's end with the share of the budget that is done. Column meanings: README.
    """
    m, updates, replicas = fleet["batch_size"], fleet["updates"], len(seeds)
    schedule, optimizer = fleet["schedule"], fleet["optimizer"]
    parameters = trained(net)
    sgd = SGD(parameters, replicas, optimizer["momentum"], optimizer["weight_decay"])
    full_lr = torch.tensor(base_lr, dtype=torch.float64)[:, None] * m
    ends = epoch_ends(updates, m, len(data.train.labels))
    final = final_epochs([epoch for epoch, _ in ends])
    scored = set(final) | set(fleet["evaluation"]["epochs"])

    records = [Record(seed, rate, m) for seed, rate in zip(seeds, base_lr, strict=True)]
    clock = Clock(records)
    start_scores = score_epoch(net, data, replicas)
    val_loss, val_correct = score(net, data.validation.images, data.validation.labels, replicas)
    for r, record in enumerate(records):
        record.begin(start_scores, float(val_loss[r]), val_correct[r], r)
    done = 0
    for epoch, end in ends:
        running = train_updates(net, parameters, sgd, data, seeds, m, done, end, updates, full_lr, schedule)
        done = end
        val_loss, val_correct = score(net, data.validation.images, data.validation.labels, replicas)
        scores = score_epoch(net, data, replicas) if epoch in scored else None
        finite = [bool(flag) for flag in finite_replicas(running, parameters)]
        clock.share()  # before the diverged leave, so that they pay for the epoch in which they did
        factor = factor_at(end - 1, updates, schedule["drops"], schedule["factor"])
        for r, record in enumerate(records):
            if not record.diverged:
                lr = float(full_lr[r, 0]) * factor
                record.end_epoch(
                    epoch, end, lr, float(running[r]), float(val_loss[r]), val_correct[r], scores, r, finite[r]
                )
        if watch:
            watch(records, end / updates)
            clock.last = time.perf_counter()  # logging is not training
    results = finish(net, data, records, final)
    clock.share()
    for record, result in zip(records, results, strict=True):
        result["summary"]["seconds"] = record.seconds
    return results


def train_updates(net, parameters, sgd, data, seeds, m, start, stop, updates, full_lr, schedule) -> torch.Tensor:
    """Updates ``start <= u < stop``; returns the mean loss over them ``[R]`` (float64)."""
    replicas, images, labels = len(seeds), data.train.images, data.train.labels
    order = np.stack([stream(seed, len(labels), start * m, stop * m) for seed in seeds])
    order = torch.from_numpy(order).view(replicas, stop - start, m).permute(1, 2, 0).contiguous()  # [update, m, R]
    total = torch.zeros(replicas, dtype=torch.float64)
    net.train()
    factor, lr = None, None
    for u in range(start, stop):
        if factor != (factor := factor_at(u, updates, schedule["drops"], schedule["factor"])):
            lr = (full_lr * factor).float()
        index = order[u - start]
        x = images[index].flatten(1, 2).contiguous(memory_format=torch.channels_last)
        logits = net(x).view(m * replicas, -1)
        losses = F.cross_entropy(logits, labels[index].view(-1), reduction="none")
        loss = losses.view(m, replicas).t().contiguous().mean(1)  # replica-major: summed alike at every width
        sgd.step(gradients(loss.sum(), parameters), lr)
        total += loss.detach()
    return total / (stop - start)


def finite_replicas(running: torch.Tensor, parameters) -> torch.Tensor:
    """Which replicas are still finite: their loss over the epoch and every weight ``[R]``."""
    finite = running.isfinite()
    for parameter in parameters:
        finite &= parameter.detach().view(len(running), -1).isfinite().all(1)
    return finite


def score_epoch(net, data: Data, replicas: int) -> dict:
    """The scores of a scored epoch, with exact statistics: each ``[R]`` or ``[R, examples]``."""
    with fixed_statistics(net, exact_statistics(net, data.train.images, replicas)):
        train_loss, _ = score(net, data.train.images, data.train.labels, replicas)
        val_loss, val_correct = score(net, data.validation.images, data.validation.labels, replicas)
        _, test_correct = score(net, data.test.images, data.test.labels, replicas)
    return {"train_loss": train_loss, "val_loss": val_loss, "val": val_correct, "test": test_correct}


def finish(net, data: Data, records: list["Record"], final: list[int]) -> list[dict]:
    """Summaries at the end of training, with the other statistics of batch norm beside the exact ones."""
    replicas = len(records)
    others = {}
    if norm_layers(net):
        others["val_accuracy_running"] = score(net, data.validation.images, data.validation.labels, replicas)[1]
        others["test_accuracy_running"] = score(net, data.test.images, data.test.labels, replicas)[1]
        with fixed_statistics(net, population_statistics(net, data.train.images, replicas)):
            others["test_accuracy_population"] = score(net, data.test.images, data.test.labels, replicas)[1]
    counts = torch.bincount(data.train.labels, minlength=data.classes)
    prior = counts.double() / counts.sum()
    entropy = float(-(prior[prior > 0] * prior[prior > 0].log()).sum())
    guess = int(counts.argmax())  # what a diverged model predicts: the most frequent training class
    results = []
    for r, record in enumerate(records):
        status = record.status(entropy)
        if status == "diverged":
            val, test = data.validation.labels == guess, data.test.labels == guess
            median = float(test.double().mean())
            statistics = {name: float((val if name.startswith("val") else test).double().mean()) for name in others}
        else:
            val, test = record.scores["val"], record.scores["test"]
            median = float(np.median([row["test_accuracy"] for row in record.history if row["epoch"] in final]))
            statistics = {name: float(correct[r].double().mean()) for name, correct in others.items()}
        summary = {
            "seed": record.seed,
            "base_lr": record.base_lr,
            "status": status,
            "epochs": record.epochs,
            "updates": record.updates,
            "examples": record.updates * record.batch_size,
            "train_loss": record.train_loss,
            "val_loss": None if status == "diverged" else record.scores["val_loss"],
            "val_accuracy": float(val.double().mean()),
            "test_accuracy": float(test.double().mean()),
            "test_accuracy_median": median,
        }
        results.append(
            {"summary": summary | statistics, "history": record.history, "correct": np.packbits(test.numpy()).tobytes()}
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
                "val_accuracy": float(val_correct.double().mean()),
                "train_loss": self.train_loss_now if scored else None,
                "test_accuracy": float(self.scores["test"].double().mean()) if scored else None,
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
