"""Replicas that choose their own batch size (`schedules/adaptive.py`).

In each round every replica draws one more block of m0 examples; a replica makes its update when its
rule requires no more examples, and starts again with the next round. Replicas therefore use the
same number of examples per round, whatever batch sizes they choose, and never wait for each other.
"""

import math

import numpy as np
import torch

from smallbatch.core.records import ScheduleSettings
from smallbatch.data.read import Split
from smallbatch.data.stream import fresh
from smallbatch.schedules.adaptive import Average, averaged, wanted
from smallbatch.training.engines.trainer import MomentTrainer, Statistics

# Per-replica state in addition to the trainer's.
KEPT = (
    "sums",
    "loss",
    "blocks",
    "made",
    "capped",
    "average",
    "seed",
)


class Adaptive:
    """A `ReplicaTrainer` that wraps a trainer (`Compiled` or `Modules`); its updates are rounds."""

    def __init__(
        self,
        trainer: MomentTrainer,
        schedule: ScheduleSettings,
        block: int,
        largest: int,
        seeds: list[int],
    ):
        self.trainer, self.schedule, self.block = trainer, schedule, block
        self.most = largest // block  # maximum number of blocks per update
        self.seed = np.array(seeds, np.int64)
        self.sums = np.zeros((len(seeds), 2, trainer.gradient_size), trainer.dtype)
        self.loss = np.zeros(len(seeds))  # sum over the blocks of the current update
        self.blocks = np.zeros(len(seeds), np.int64)
        self.made = np.zeros(len(seeds), np.int64)  # updates
        # Updates with the largest batch because the rule returned inf.
        self.capped = np.zeros(len(seeds), np.int64)
        self.average = np.zeros((len(seeds), len(Average())))

    def update(self, train: Split, order: np.ndarray, lr: np.ndarray, total: np.ndarray) -> None:
        """Run one round per block of `order` ``[R, rounds, m0]`` with rates ``lr[round, r]``; adds
        losses to `total`."""
        for r in range(self.replicas):
            for u in range(order.shape[1]):
                total[r] += self._round(r, train, order[r, u], float(lr[u, r]))

    def _round(self, r: int, train: Split, index: np.ndarray, lr: float) -> float:
        # Draw from all examples except those already in this update.
        if self.schedule.get("sampling") == "fresh":
            start = self.blocks[r] * self.block
            drawn = fresh(int(self.seed[r]), int(self.made[r]), len(train.labels))
            index = drawn[start : start + self.block]
        loss = self.trainer.moment_sums(r, train, index, self.sums[r])
        self.loss[r] += loss
        self.blocks[r] += 1
        number = int(self.blocks[r])
        seen = self.trainer.weighed(r, self.sums[r], number, self.block, self.loss[r] / number)
        average = Average(*self.average[r])
        size = wanted(self.schedule, seen, average, lr)
        if number >= self.most or number * self.block >= size:
            self.trainer.apply(r, self.sums[r, 0] / number, lr)
            self.average[r] = averaged(self.schedule, seen, average)
            self.made[r] += 1
            self.capped[r] += not math.isfinite(size)
            self.sums[r], self.loss[r], self.blocks[r] = 0, 0, 0
        return loss

    def updates_made(self, rounds: int, examples: int) -> tuple[np.ndarray, np.ndarray]:
        return self.made.copy(), examples - self.blocks * self.block

    def gradient_products(self, train: Split, order: np.ndarray) -> np.ndarray:
        return self.trainer.gradient_products(train, order)

    def score(
        self, split: Split, statistics: Statistics | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        return self.trainer.score(split, statistics)

    def exact_statistics(self, images: torch.Tensor) -> Statistics:
        return self.trainer.exact_statistics(images)

    def population_statistics(self, images: torch.Tensor) -> Statistics:
        return self.trainer.population_statistics(images)

    def finite(self) -> np.ndarray:
        return self.trainer.finite()

    @property
    def normalised(self) -> bool:
        return self.trainer.normalised

    @property
    def replicas(self) -> int:
        return self.trainer.replicas

    @property
    def padding(self) -> int:
        return self.trainer.padding

    def state(self) -> dict[str, np.ndarray]:
        return self.trainer.state() | {
            f"adaptive.{name}": getattr(self, name).copy() for name in KEPT
        }

    def load(self, state: dict[str, np.ndarray]) -> None:
        self.trainer.load(
            {name: array for name, array in state.items() if not name.startswith("adaptive.")}
        )
        for name in KEPT:
            setattr(self, name, state[f"adaptive.{name}"].copy())
