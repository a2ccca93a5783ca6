"""The factor of the learning rate over the budget: a schedule's shape and a linear warm-up."""

from smallbatch.core.records import ScheduleSettings
from smallbatch.schedules.registry import schedule_kind


def rate_factor(schedule: ScheduleSettings, at: int, total: int) -> float:
    """The factor at position `at` (updates or examples, from 0) of `total`.

    With ``warmup``, a share of the budget, the factor first increases linearly from ``warmup_from``
    (Goyal et al. 2017, section 2.2); a cosine starts after it. Raises ValueError for an unknown
    schedule.
    """
    warm = (schedule.get("warmup") or 0.0) * total
    factor = schedule_kind(schedule).shape(schedule, at, warm, total)
    if at < warm:
        low = schedule.get("warmup_from") or 0.0
        factor *= low + (1 - low) * at / warm
    return factor
