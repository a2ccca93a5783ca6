"""Shapes of schedules: the factor of the learning rate over the budget, without warm-up.

Each takes the schedule, the position `at` (updates or examples, from 0), the end of the warm-up and
the `total`.
"""

import math

from smallbatch.core.records import ScheduleSettings


def constant(schedule: ScheduleSettings, at: int, warm: float, total: int) -> float:
    return 1.0


def drops(schedule: ScheduleSettings, at: int, warm: float, total: int) -> float:
    """Multiply by ``factor`` at each of the fractions ``drops``."""
    if not schedule.get("drops"):
        return 1.0
    return schedule["factor"] ** drops_before(schedule["drops"], at, total)


def cosine(schedule: ScheduleSettings, at: int, warm: float, total: int) -> float:
    """Decay from 1 to 0 as (1 + cos(πt))/2 after the warm-up (Loshchilov & Hutter 2017, equation
    5)."""
    return 0.5 * (1 + math.cos(math.pi * max(0.0, at - warm) / (total - warm)))


def drops_before(drops: list[float], at: int, total: int) -> int:
    """The number of drops at or before `at`; a drop at fraction f takes effect at the first `at` of
    at least f·total."""
    # Floating point makes 0.55 * 100 slightly larger than 55; the tolerance corrects this.
    return sum(at >= fraction * total - 1e-9 * total for fraction in drops)
