"""What the learning rate is multiplied by over the budget, before a warm-up: the shapes that
schedules choose from.

Each takes the schedule, `at` (updates or examples, from 0), the end of the warm-up and the `total`.
"""

import math

from smallbatch.core.records import ScheduleSettings


def constant(schedule: ScheduleSettings, at: int, warm: float, total: int) -> float:
    return 1.0


def drops(schedule: ScheduleSettings, at: int, warm: float, total: int) -> float:
    """``factor`` at each of the fractions ``drops``."""
    if not schedule.get("drops"):
        return 1.0
    return schedule["factor"] ** drops_before(schedule["drops"], at, total)


def cosine(schedule: ScheduleSettings, at: int, warm: float, total: int) -> float:
    """From 1 to 0 as (1 + cos(πt))/2 (Loshchilov & Hutter 2017, equation 5), after the warm-up."""
    return 0.5 * (1 + math.cos(math.pi * max(0.0, at - warm) / (total - warm)))


def drops_before(drops: list[float], at: int, total: int) -> int:
    """How many drops lie at or before `at`; a drop at fraction f counts from the first `at` that is
    no less than f·total."""
    # 0.55 * 100 is a little above 55 in floats; nobody means that.
    return sum(at >= fraction * total - 1e-9 * total for fraction in drops)
