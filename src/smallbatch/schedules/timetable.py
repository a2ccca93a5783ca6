"""The timetable of a fleet's training: everything known before it starts, computed once."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from smallbatch.core.records import Fleet
from smallbatch.schedules.budget import final_epochs
from smallbatch.schedules.course import (
    Phase,
    epoch_ends,
    examples_at,
    phases_between,
    phases_of,
    rate_factors,
)


class Epoch(NamedTuple):
    """Updates ``start <= u < end``."""

    number: int  # from 1; if one update spans several epochs, the last of them
    start: int
    end: int
    examples: int  # seen at its end
    batch_size: int  # of its last update
    is_final: bool  # its test accuracy is part of the median over final epochs
    is_scored: bool  # all three splits are evaluated at its end


@dataclass(frozen=True)
class Timetable:
    """Batch sizes, epochs and rates of a fleet's training.

    If the replicas choose their batch sizes (`schedules/adaptive.py`), an update is a round: every
    replica draws one more block of examples.
    """

    fleet: Fleet
    train_size: int  # examples in the training set
    phases: list[Phase]
    epochs: list[Epoch]

    @classmethod
    def of(cls, fleet: Fleet, train_size: int) -> "Timetable":
        phases = phases_of(fleet)
        ends = epoch_ends(phases, train_size)
        final = set(final_epochs([number for number, _ in ends]))
        scored = final | set(fleet["evaluation"]["epochs"])
        epochs, start = [], 0
        for number, end in ends:
            (last,) = phases_between(phases, end - 1, end)
            examples = examples_at(phases, end)
            is_final, is_scored = number in final, number in scored
            epochs.append(Epoch(number, start, end, examples, last.batch_size, is_final, is_scored))
            start = end
        return cls(fleet, train_size, phases, epochs)

    @property
    def updates(self) -> int:
        """The number of updates of the whole training."""
        return self.phases[-1].stop

    @property
    def largest_batch(self) -> int:
        """The maximum number of examples per update."""
        return max(phase.batch_size for phase in self.phases)

    def rates(self, base_lr: list[float], start: int, stop: int) -> np.ndarray:
        """The learning rates η, ``[updates, R]``, of replicas with η̃ `base_lr` in the updates
        ``start <= u < stop``."""
        factors = rate_factors(self.fleet, self.phases, start, stop)
        return np.array(base_lr)[None, :] * self.fleet["batch_size"] * np.array(factors)[:, None]
