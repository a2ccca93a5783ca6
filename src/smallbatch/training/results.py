"""The reported results of the replicas of a trained block."""

import math
from typing import cast

import numpy as np

from smallbatch.core.records import Outcome, Summary
from smallbatch.data.read import Data, Split
from smallbatch.training.engines.trainer import ReplicaTrainer
from smallbatch.training.history import ReplicaHistory


def outcomes_of(
    trainer: ReplicaTrainer,
    data: Data,
    replicas: list[ReplicaHistory],
    rows: list[int],
    final: set[int],
) -> list[Outcome]:
    """The outcome of each replica; `rows` maps rows of the trainer to replicas, `final` are the
    final epochs."""
    counts = np.bincount(data.train.labels.cpu().numpy(), minlength=data.classes)
    entropy, guess = _entropy(counts / counts.sum()), int(counts.argmax())
    guesses = _right(data.validation, guess), _right(data.test, guess)
    correct_with = _other_statistics(trainer, data)
    row_of = {r: row for row, r in enumerate(rows)}
    outcomes: list[Outcome] = []
    for r, replica in enumerate(replicas):
        status = replica.status(entropy, float(guesses[0].mean()))
        if status == "diverged":
            # The weights are not usable: score a model that predicts the most frequent class.
            val, test = guesses
            median = float(test.mean())
            statistics = {
                name: float((val if name.startswith("val") else test).mean())
                for name in correct_with
            }
        else:
            val, test = replica.val_correct, replica.test_correct
            median = float(
                np.median(
                    [row["test_accuracy"] for row in replica.history if row["epoch"] in final]
                )
            )
            statistics = {
                name: float(correct[row_of[r]].mean()) for name, correct in correct_with.items()
            }
        summary = _summary(replica, status)
        summary["val_accuracy"], summary["test_accuracy"] = float(val.mean()), float(test.mean())
        summary["test_accuracy_median"] = median
        summary["val_accuracy_guess"], summary["test_accuracy_guess"] = (
            float(right.mean()) for right in guesses
        )
        summary.update(cast(Summary, statistics))
        outcomes.append(
            {"summary": summary, "history": replica.history, "correct": np.packbits(test).tobytes()}
        )
    return outcomes


def _summary(replica: ReplicaHistory, status: str) -> Summary:
    return {
        "seed": replica.seed,
        "base_lr": replica.base_lr,
        "status": status,
        "epochs": replica.epochs,
        "updates": replica.updates,
        "examples": replica.examples,
        "train_loss": replica.train_loss if math.isfinite(replica.train_loss) else None,
        "val_loss": None if status == "diverged" else replica.val_loss,
    }


def _other_statistics(trainer: ReplicaTrainer, data: Data) -> dict[str, np.ndarray]:
    """Correctness ``[rows, images]`` with running and population statistics of batch norm, by
    column."""
    if not trainer.normalised:
        return {}
    correct = {
        "val_accuracy_running": trainer.score(data.validation)[1],
        "test_accuracy_running": trainer.score(data.test)[1],
    }
    population = trainer.population_statistics(data.train.images)
    return correct | {"test_accuracy_population": trainer.score(data.test, population)[1]}


def _entropy(shares: np.ndarray) -> float:
    """Entropy in nats: the loss of a model that predicts the shares of the classes."""
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _right(split: Split, guess: int) -> np.ndarray:
    """Boolean mask of the images with the label `guess`."""
    return split.labels.cpu().numpy() == guess
