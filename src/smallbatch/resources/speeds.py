"""The speeds of this machine from the calibration (`calibrate.py`), and the kinds of step that they
apply to."""

import csv
from pathlib import Path

from smallbatch.core.records import Fleet
from smallbatch.schedules.course import is_adaptive, phases_of

Step = tuple[int, str, int, str]  # batch size, norm, BN batch size or 0, kind
Speeds = dict[Step, dict[str, str]]  # rows of calibration.csv by kind of step


def steps_of(fleet: Fleet) -> list[Step]:
    """The kinds of step in the training of a fleet.

    A kind is ``update``, ``fresh update`` (each batch is drawn from all images) or ``round`` (of an
    adaptive rule).
    """
    fixed = "fresh update" if fleet["schedule"].get("sampling") == "fresh" else "update"
    kind = "round" if is_adaptive(fleet) else fixed
    sizes = sorted({phase.batch_size for phase in phases_of(fleet)})
    return [(m, fleet["norm"], fleet.get("bn_batch_size") or 0, kind) for m in sizes]


def read_calibration(path: Path) -> Speeds:
    """Load the rows of a calibration by kind of step, without those that could not be measured;
    empty if there is no file."""
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["seconds_update_fleet"]]
    return {
        (int(row["batch_size"]), row["norm"], int(row["bn_batch_size"] or 0), row["step"]): row
        for row in rows
    }


def update_seconds(
    fleet: Fleet, speeds: Speeds, how: str, examples: int | None = None
) -> float | None:
    """Seconds for a point's updates on the first `examples` (None: all); `how` is ``alone`` or
    ``fleet``.

    Returns None if a speed is unknown.
    """
    steps, total = {step[0]: step for step in steps_of(fleet)}, 0.0
    for phase in phases_of(fleet):
        speed = speeds.get(steps[phase.batch_size])
        if speed is None:
            return None
        end = phase.end if examples is None else min(phase.end, examples)
        updates = max(0, end - phase.examples) / phase.batch_size
        total += updates * float(speed[f"seconds_update_{how}"])
    return total
