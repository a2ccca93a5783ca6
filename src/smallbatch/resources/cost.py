"""Predict the cost of studies before they run: ``python -m smallbatch.resources.cost CORES
STUDY_FILE ...``.

The seconds per update and per scored image come from the calibration of this machine
(`calibrate.py`); stored points cost nothing. Diverged points stop early, so that studies with rates
that are too large take less time than predicted.
"""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smallbatch.core.errors import main_errors
from smallbatch.core.identity import fleet_slug, point_digests, points_of
from smallbatch.core.progress import duration
from smallbatch.core.records import Fleet, Job
from smallbatch.measures.registry import asked_for
from smallbatch.resources.speeds import Speeds, read_calibration, steps_of, update_seconds
from smallbatch.schedules.course import phases_of
from smallbatch.schedules.timetable import Timetable
from smallbatch.storage import store

if TYPE_CHECKING:
    from rich.table import Table

JOB = 3.0  # seconds per job to start and end: Python, torch, loading data, logging
FLEET = 0.5  # seconds per fleet to verify an engine
REPORT = 40.0  # seconds on one core for tables, figures and report
# Bytes on disk per point and per row of its history, in files and in MLflow; measured on the
# default study.
POINT, ROW, TRACKED_POINT, TRACKED_ROW = 3000, 60, 4000, 1300


def estimate(jobs: list[Job], speeds: Speeds, stored: set[str], cores: int) -> dict:
    """The cost of planned `jobs` on `cores` of this machine.

    ``{"points", "to_train", "fleets", "jobs", "images", "core_seconds", "seconds", "mem_mb",
    "disk_bytes"}``; `mem_mb` is the request of the largest job. `speeds` is the calibration (see
    `speeds.py`), `stored` the digests of trained points. Seconds are None if a setting could not be
    measured.
    """
    found: dict[str, Any] = {
        "points": 0,
        "to_train": 0,
        "jobs": 0,
        "images": 0,
        "mem_mb": 0,
        "disk_bytes": 0.0,
    }
    seconds: list[float | None] = []
    fleets = set()  # a fleet can be split over several jobs
    for job in jobs:
        of_job: float | None = JOB
        missing = 0
        for entry in job["fleets"]:
            fleet, points = entry["fleet"], points_of(entry["points"])
            new = sum(digest not in stored for digest in point_digests(fleet, points))
            found["points"] += len(points)
            found["disk_bytes"] += new * _disk(fleet, bool(job["tracking"]))
            missing += new
            if new:
                fleets.add(fleet_slug(fleet))
                found["images"] += new * phases_of(fleet)[-1].end
                one = point_seconds(fleet, speeds)
                of_job = None if of_job is None or one is None else of_job + FLEET + new * one
        if missing:
            found["jobs"] += 1
            found["to_train"] += missing
            found["mem_mb"] = max(found["mem_mb"], job["resources"]["mem_mb"])
            seconds.append(of_job)
    known = [one for one in seconds if one is not None]
    all_known = len(known) == len(seconds)
    found["fleets"] = len(fleets)
    found["core_seconds"] = sum(known) if all_known else None
    # A run takes at least as long as its longest job.
    longest = max(known, default=0.0)
    found["seconds"] = max(sum(known) / cores, longest) + REPORT / cores if all_known else None
    return found


def point_seconds(fleet: Fleet, speeds: Speeds) -> float | None:
    """Seconds on one core for a point of a fleet that does not diverge; None if a speed is
    unknown."""
    updates = update_seconds(fleet, speeds, "fleet")
    if updates is None:
        return None
    sizes, speed = fleet["dataset"]["sizes"], speeds[steps_of(fleet)[0]]
    timetable = Timetable.of(fleet, sizes["train"])
    epochs, scored = len(timetable.epochs), 1 + sum(epoch.is_scored for epoch in timetable.epochs)
    # Passes over the training images: exact statistics, then the loss.
    passes = 2 if fleet["norm"] == "bn" else 1
    images = scored * (passes * sizes["train"] + sizes["validation"] + sizes["test"])
    images += (epochs + 1) * sizes["validation"]
    population = sizes["train"] * float(speed["seconds_image_population"] or 0)
    # Per-epoch measures cost as much as training on `examples` images.
    examples = sum(
        measure.examples(fleet, sizes["train"]) for measure in asked_for(fleet["evaluation"])
    )
    measured = examples * epochs / phases_of(fleet)[-1].end
    return updates * (1 + measured) + images * float(speed["seconds_image_scored"]) + population


def _disk(fleet: Fleet, tracked: bool) -> float:
    sizes = fleet["dataset"]["sizes"]
    rows = 1 + phases_of(fleet)[-1].end / sizes["train"]
    files = POINT + ROW * rows + 3 * sizes["test"] / 8
    return files + (TRACKED_POINT + TRACKED_ROW * rows if tracked else 0)


def stored_points(jobs: list[Job], results: Path) -> set[str]:
    """The digests of points that are stored under the plan's code or an accepted one."""
    found = set()
    for job in jobs:
        for entry in job["fleets"]:
            wanted = point_digests(entry["fleet"], points_of(entry["points"]))
            codes = [job["code"], *job["accept_code"]]
            found |= set(
                store.look_up(results / "store", entry["fleet"], codes, wanted)["summary"][
                    "point"
                ].to_pylist()
            )
    return found


def table(costs: dict[str, dict], cores: int) -> "Table":
    """A table of the costs of studies, by name, for the console."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    shown.add_column("", no_wrap=True)
    for name in costs:
        shown.add_column(name, justify="right")
    rows = {
        "points": lambda cost: f"{cost['points']:,}",
        "of them to train": lambda cost: f"{cost['to_train']:,}",
        "fleets": lambda cost: f"{cost['fleets']:,}",
        "jobs": lambda cost: f"{cost['jobs']:,}",
        "images to train on": lambda cost: f"{cost['images']:,}",
        "time of one core": lambda cost: _time(cost["core_seconds"]),
        f"time on {cores} core{'s' * (cores > 1)}": lambda cost: _time(cost["seconds"]),
        "memory of a job": lambda cost: f"{cost['mem_mb']:,} MB",
        "disk": lambda cost: f"{math.ceil(cost['disk_bytes'] / 1e6):,} MB",
    }
    for name, text in rows.items():
        shown.add_row(name, *(text(cost) for cost in costs.values()))
    return shown


def _time(seconds: float | None) -> str:
    return "not measured" if seconds is None else f"about {duration(seconds)}"


def main() -> None:
    from rich.console import Console

    cores, costs, results = int(sys.argv[1]), {}, Path("results")
    for path in map(Path, sys.argv[2:]):
        study = json.loads(path.read_text(encoding="utf-8"))
        jobs = [
            json.loads((results / "plan" / f"{job}.json").read_text(encoding="utf-8"))
            for job in study["jobs"]
        ]
        speeds = read_calibration(results / study["study"] / "calibration.csv")
        costs[study["study"]] = estimate(jobs, speeds, stored_points(jobs, results), cores)
    Console().print(table(costs, cores))


if __name__ == "__main__":
    with main_errors():
        main()
