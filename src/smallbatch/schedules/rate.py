"""What the learning rate is multiplied by over the budget: drops, cosine, and a linear warm-up before either."""

import math

from smallbatch.records import ScheduleSettings


def rate_factor(schedule: ScheduleSettings, at: int, total: int) -> float:
    """The factor at `at` (updates or examples, from 0) of `total`.

    `step` multiplies by ``factor`` at each of the fractions ``drops``; `cosine` goes from 1 to 0 as
    (1 + cos(πt))/2 (Loshchilov & Hutter 2017, equation 5). With ``warmup``, a share of the budget, the factor first rises
    linearly from ``warmup_from`` (Goyal et al. 2017, section 2.2); a cosine begins after it.
    """
    name, warm = schedule.get("name", "step"), (schedule.get("warmup") or 0.0) * total
    factor = 1.0
    if name == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * max(0.0, at - warm) / (total - warm)))
    elif name != "increase-batch" and schedule.get("drops"):
        factor = schedule["factor"] ** drops_before(schedule["drops"], at, total)
    if at < warm:
        low = schedule.get("warmup_from") or 0.0
        factor *= low + (1 - low) * at / warm
    return factor


def drops_before(drops: list[float], at: int, total: int) -> int:
    """How many drops lie at or before `at`; a drop at fraction f counts from the first `at` that is no less than f·total."""
    # 0.55 * 100 is a little above 55 in floats; nobody means that.
    return sum(at >= fraction * total - 1e-9 * total for fraction in drops)
