"""The schedules that there are.

To add one:
1. an entry below, with a shape of the rate (`shapes.py`) and the keys that it has;
2. its new keys in `schema.Schedule` (their defaults null, so that points trained before keep their digests) and
   `records.ScheduleSettings`, their bounds in `config/schedules.py`;
3. where it changes the batch size: a rule in `adaptive.RULES`, if it is chosen while training, or a course in `course.py`;
4. a file of `conf/schedule/`, a row in the documentation, a case in `tests/unit/schedules/test_schedules.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from smallbatch.core.records import ScheduleSettings
from smallbatch.schedules import shapes


@dataclass(frozen=True)
class ScheduleKind:
    """What a schedule makes of the rate, and what its config may hold."""

    shape: Callable[[ScheduleSettings, int, float, int], float]  # of the rate, before a warm-up
    keys: tuple[str, ...] = ()  # of the config, that not all schedules have


DROPS = ("factor", "drops")
SCHEDULES = {
    "constant": ScheduleKind(shapes.constant),
    "step": ScheduleKind(shapes.drops, DROPS),
    "cosine": ScheduleKind(shapes.cosine),
    "increase-batch": ScheduleKind(shapes.constant, (*DROPS, "increases", "cap")),
    "ba-sgd": ScheduleKind(shapes.drops, (*DROPS, "cap")),
    "gradient-noise": ScheduleKind(shapes.drops, (*DROPS, "cap", "smoothing", "scale")),
    "cabs": ScheduleKind(shapes.drops, (*DROPS, "cap", "smoothing")),
}


def schedule_kind(schedule: ScheduleSettings) -> ScheduleKind:
    """Of a schedule's config; raises ValueError for a name that isn't in the list."""
    name = schedule.get("name", "step")
    if name not in SCHEDULES:
        *most, last = SCHEDULES
        raise ValueError(
            f"schedule.name: {name!r} is not a schedule; write {', '.join(most)} or {last}"
        )
    return SCHEDULES[name]


def schedules_with(key: str) -> list[str]:
    """The schedules that have a key of the config which not all have."""
    return [name for name, kind in SCHEDULES.items() if key in kind.keys]
