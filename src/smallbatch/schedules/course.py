"""The part of a training run that is fixed before it starts: the batch size of each update, and the
ends of epochs.

`increase-batch` (Smith et al. 2018, arXiv 1711.00489, section 5.1) multiplies the batch size by the
factor by which the step schedule would divide the learning rate, up to a cap. The part of the
factor beyond the cap divides the learning rate, so that both schedules have the same noise scale
g = εN/(B(1 - momentum)).
"""

import math
from typing import NamedTuple

from smallbatch.core.records import Fleet, ScheduleSettings
from smallbatch.schedules.adaptive import RULES
from smallbatch.schedules.budget import examples_in, updates_in
from smallbatch.schedules.rate import rate_factor

ADAPTIVE = tuple(RULES)  # schedules that choose the batch size during training


def is_adaptive(fleet: Fleet) -> bool:
    """Whether the replicas of a fleet choose their batch sizes during training."""
    return fleet["schedule"].get("name") in ADAPTIVE


class Phase(NamedTuple):
    """Updates ``first <= u < stop`` of `batch_size` examples each.

    `examples` have been seen before the phase; the learning rate is multiplied by `factor`. With an
    adaptive rule, an update is a round: every replica draws one more block of examples.
    """

    first: int
    stop: int
    batch_size: int
    examples: int
    factor: float

    @property
    def end(self) -> int:
        """Examples seen at the end of the phase."""
        return self.examples + (self.stop - self.first) * self.batch_size


def phases_of(fleet: Fleet) -> list[Phase]:
    """The phases of a fleet's training, in order, without empty ones."""
    schedule, m = fleet["schedule"], fleet["batch_size"]
    if schedule.get("name") == "increase-batch":
        unit = fleet.get("bn_batch_size") or 1
        examples = fleet["examples"]
        assert examples is not None  # set in every plan with this schedule
        return increasing(schedule, m, unit, examples, fleet["dataset"]["sizes"]["train"])
    return [Phase(0, fleet["updates"], m, 0, 1.0)]


def increasing(
    schedule: ScheduleSettings, m: int, unit: int, examples: int, train_size: int
) -> list[Phase]:
    """The phases of `increase-batch`, starting at batch size `m`, in a budget of `examples`.

    Batch sizes are multiples of `unit`, the BN batch size. A drop at fraction f takes effect at the
    first update that starts at or after ``f·examples``.
    """
    growth, drops = schedule["factor"], schedule["drops"]
    cap = largest_batch(schedule, unit, train_size)
    ends = [math.ceil(fraction * examples - 1e-9 * examples) for fraction in drops] + [examples]
    found, seen, updates = [], 0, 0
    for phase, end in enumerate(ends):
        grown = m * growth ** min(phase, schedule.get("increases", phase))
        size = max(m, min(int(grown / unit + 1e-9) * unit, cap))
        number = (examples - seen) // size if end == examples else -(-max(0, end - seen) // size)
        number = min(number, (examples - seen) // size)
        if number:
            found.append(Phase(updates, updates + number, size, seen, size / m / growth**phase))
            updates, seen = updates + number, found[-1].end
    return found


def largest_batch(schedule: ScheduleSettings, unit: int, train_size: int) -> int:
    """The largest batch of a schedule that changes the batch size, as a multiple of `unit`; without
    a cap, the whole training set."""
    return int((schedule.get("cap") or 1.0) * train_size / unit + 1e-9) * unit


def updates_planned(
    schedule: ScheduleSettings, budget: str, m: int, unit: int, train_size: int
) -> tuple[int, int | None]:
    """``(updates, examples)`` of a budget; `examples` is None unless the schedule is
    `increase-batch`.

    Updates of an adaptive rule are rounds. Raises ValueError, with the fix, for a budget that does
    not suit the schedule.
    """
    if schedule["name"] in ADAPTIVE or schedule["name"] == "increase-batch":
        examples = examples_in(budget, train_size)
    if schedule["name"] != "increase-batch":
        return updates_in(budget, m, train_size), None
    found = increasing(schedule, m, unit, examples, train_size)
    if len(found) <= len(schedule["drops"]):
        raise ValueError(
            f"{budget} is too short for {m} examples that grow by {schedule['factor']:g} at {schedule['drops']} of it: "
            "a batch does not fit between two of these; make the budget longer, or lower the schedule's cap"
        )
    return found[-1].stop, examples


def largest_step(fleet: Fleet) -> int:
    """The maximum number of examples per training step of a fleet."""
    return max(phase.batch_size for phase in phases_of(fleet))


def epoch_ends(phases: list[Phase], train_size: int) -> list[tuple[int, int]]:
    """``(epoch, update)`` for each epoch: the first update that reaches the epoch's last example.

    The last epoch ends with the budget. If one update spans several epochs, only the last of them
    is listed.
    """
    ends, last = {}, math.ceil(phases[-1].end / train_size)
    for epoch in range(1, last + 1):
        target = epoch * train_size
        here = next((phase for phase in phases if phase.end >= target), phases[-1])
        ends[min(here.first + -(-(target - here.examples) // here.batch_size), here.stop)] = epoch
    return [(epoch, update) for update, epoch in ends.items()]


def examples_at(phases: list[Phase], update: int) -> int:
    """Examples seen after `update` updates."""
    here = next(phase for phase in phases if update <= phase.stop)
    return here.examples + (update - here.first) * here.batch_size


def phases_between(phases: list[Phase], start: int, stop: int) -> list[Phase]:
    """The phases restricted to the updates ``start <= u < stop``."""
    found = []
    for phase in phases:
        first, end = max(start, phase.first), min(stop, phase.stop)
        if first < end:
            seen = phase.examples + (first - phase.first) * phase.batch_size
            found.append(phase._replace(first=first, stop=end, examples=seen))
    return found


def rate_factors(fleet: Fleet, phases: list[Phase], start: int, stop: int) -> list[float]:
    """The factor of the initial rate η̃·m in each of the updates ``start <= u < stop``."""
    schedule, total = fleet["schedule"], phases[-1].end
    if len(phases) == 1:  # count in updates, which is exact
        return [
            phases[0].factor * rate_factor(schedule, u, phases[0].stop) for u in range(start, stop)
        ]
    return [
        run.factor * rate_factor(schedule, run.examples + i * run.batch_size, total)
        for run in phases_between(phases, start, stop)
        for i in range(run.stop - run.first)
    ]
