"""The list of schedules.

To add one:
1. an entry below, with a shape of the learning rate (`shapes.py`) and its keys;
2. its new keys in `schema.Schedule` (with default null, so that the digests of existing points do
   not change) and `records.ScheduleSettings`, and their bounds in `config/schedules.py`;
3. if it changes the batch size: a rule in `adaptive.RULES` (chosen during training) or phases in
   `course.py` (fixed before training);
4. a file in `conf/schedule/`, a row in the documentation, and a case in
   `tests/unit/schedules/test_schedules.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from smallbatch.core.records import ScheduleSettings
from smallbatch.schedules import shapes


@dataclass(frozen=True)
class ScheduleKind:
    """A schedule's shape of the learning rate and the keys of its config."""

    shape: Callable[[ScheduleSettings, int, float, int], float]  # without warm-up
    keys: tuple[str, ...] = ()  # of the config, those that not all schedules have


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
    """The kind of a schedule, by its name; raises ValueError for a name that is not in the list."""
    name = schedule.get("name", "step")
    if name not in SCHEDULES:
        *most, last = SCHEDULES
        raise ValueError(
            f"schedule.name: {name!r} is not a schedule; write {', '.join(most)} or {last}"
        )
    return SCHEDULES[name]


def schedules_with(key: str) -> list[str]:
    """The schedules with a key that not all schedules have."""
    return [name for name, kind in SCHEDULES.items() if key in kind.keys]
