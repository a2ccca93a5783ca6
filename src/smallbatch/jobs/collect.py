"""Jobs -> one table per study: ``python -m smallbatch.jobs.collect results/plan/STUDY.study.json
[--partial]``.

Writes ``results/<study>/``: table, history and correct (parquet; columns: docs/tables.md), gaps.csv
(points that are missing, with --partial), cost.json and, last, study.json, the plan that they were
made from.
"""

import argparse
import csv
import itertools
import json
from pathlib import Path

import pyarrow as pa

from smallbatch.core import identity
from smallbatch.core.errors import UserError, main_errors
from smallbatch.core.rates import format_rate
from smallbatch.core.records import Fleet, Job, StudyPlan
from smallbatch.resources.speeds import Speeds, read_calibration, update_seconds
from smallbatch.storage import schemas, store

# What a study adds to the columns of schemas.SUMMARY, and, of these, `seconds_alone` to those of
# schemas.HISTORY. A comment beside a column is its description in docs/tables.md
# (docs/generate.py).
ADDED = pa.schema(
    [
        ("study", pa.string()),  # name of the study
        ("schedule", pa.string()),  # the study's name for the schedule of rate and batch size
        ("budget", pa.string()),  # epochs:E, updates:U or examples:X
        (
            "seconds_alone",
            pa.float64(),
        ),  # s that the updates would take one model alone, in plain PyTorch
    ]
)
# The contract comes first, in its order; what was added to it follows, and whatever else a summary
# has.
ORDER = [
    "study",
    "dataset",
    "model",
    "augmentation",
    "optimizer",
    "batch_size",
    "base_lr",
    "lr",
    "norm",
    "bn_batch_size",
    "schedule",
    "budget",
    "seed",
    "status",
    "epochs",
    "updates",
    "examples",
    "train_loss",
    "val_accuracy",
    "test_accuracy",
    "test_accuracy_median",
    "seconds",
    "fleet",
    "engine",
    "point",
    "code",
    "val_loss",
    "val_accuracy_running",
    "test_accuracy_running",
    "test_accuracy_population",
    "seconds_alone",
    "updates_planned",
    "flops",
    "settings",
    "data",
    "commit",
    "versions",
    "processor",
]
TABLE = [*ORDER, *(name for name in schemas.SUMMARY.names if name not in ORDER)]
GAPS = ("batch_size", "norm", "bn_batch_size", "schedule", "updates", "base_lr", "missing_seeds")


def collect(path: Path, results: Path, partial: bool) -> None:
    """Collect the study that `path` describes; without `partial` every job must be there."""
    study = json.loads(path.read_text(encoding="utf-8"))
    found: dict[str, list[pa.Table]] = {name: [] for name in schemas.TABLES}
    fleets: dict[str, Fleet] = {}
    gaps: list[dict] = []
    for job in study["jobs"]:
        folder, wanted = (
            results / "jobs" / job,
            json.loads((results / "plan" / f"{job}.json").read_text(encoding="utf-8")),
        )
        fleets |= {
            identity.fleet_slug(entry["fleet"]): entry["fleet"] for entry in wanted["fleets"]
        }
        if all((folder / f"{name}.parquet").is_file() for name in schemas.TABLES):
            for name in schemas.TABLES:
                found[name].append(store.read(folder, name))
        elif partial:
            gaps += _stored(wanted, results, found)
        else:
            raise UserError(
                f"{folder}: this job has not run; run snakemake, or add --config partial=true to report what exists"
            )
    if not any(map(len, found["summary"])):
        raise UserError(
            f"study {study['study']}: nothing has been trained yet; run snakemake --cores all"
        )
    tables = {name: pa.concat_tables(parts) for name, parts in found.items()}
    speeds = read_calibration(results / study["study"] / "calibration.csv")
    table = whole_table(tables["summary"], study, fleets, speeds)
    order = table["point"].to_pylist()
    target = results / study["study"]
    target.mkdir(parents=True, exist_ok=True)
    store.write_file(target / "table.parquet", table)
    store.write_file(
        target / "correct.parquet", store.in_order([tables["correct"]], "correct", order)
    )
    history = store.in_order([tables["history"]], "history", order)
    store.write_file(target / "history.parquet", with_seconds_alone(history, table, fleets, speeds))
    with open(target / "gaps.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, GAPS)
        rows.writeheader()
        rows.writerows(gaps)
    (target / "cost.json").write_text(json.dumps(_cost(study, results)) + "\n", encoding="utf-8")
    # With gaps it differs from the plan, so that the next run collects again
    # (`files.write_plan`).
    made_from = study | ({"gaps": len(gaps)} if gaps else {})
    (target / "study.json").write_bytes(identity.canonical(made_from) + b"\n")


def _stored(job: Job, results: Path, found: dict[str, list[pa.Table]]) -> list[dict]:
    """Take what the store has of a job that didn't finish; returns what is missing, a row for each
    η̃."""
    gaps, codes = [], [job["code"], *job["accept_code"]]
    for entry in job["fleets"]:
        fleet, points = entry["fleet"], identity.points_of(entry["points"])
        digests = identity.point_digests(fleet, points)
        tables = store.look_up(results / "store", fleet, codes, digests)
        for name in schemas.TABLES:
            found[name].append(tables[name])
        there = set(tables["summary"]["point"].to_pylist())
        missing = sorted(
            point for point, digest in zip(points, digests, strict=True) if digest not in there
        )
        for base_lr, group in itertools.groupby(missing, key=lambda point: point[0]):
            gaps.append(
                {
                    "batch_size": fleet["batch_size"],
                    "norm": fleet["norm"],
                    "bn_batch_size": fleet.get("bn_batch_size"),
                    "schedule": entry["schedule"],
                    "updates": fleet["updates"],
                    "base_lr": format_rate(base_lr),
                    "missing_seeds": " ".join(str(seed) for _, seed in group),
                }
            )
    return gaps


def whole_table(
    summary: pa.Table, study: StudyPlan, fleets: dict[str, Fleet], speeds: Speeds
) -> pa.Table:
    """The study's table: `summary` with ``study``, ``budget`` and ``schedule``, sorted by setting,
    η̃ and seed.

    ``seconds_alone``: what the updates of one model alone take on this machine, from `speeds`
    (`resources/speeds.py`). A fleet that stands under several budgets or schedules of the study has
    the first of each; `study` lists them all.
    """
    names: dict[str, tuple[str, str]] = {}
    for entry in study["budgets"]:
        for setting in entry["settings"]:
            names.setdefault(setting["fleet"], (entry["budget"], setting["schedule"]))
    slugs = summary["fleet"].to_pylist()
    added = {
        "study": [study["study"]] * len(summary),
        "schedule": [names[slug][1] for slug in slugs],
        "budget": [names[slug][0] for slug in slugs],
        "seconds_alone": _alone(slugs, summary["examples"].to_pylist(), fleets, speeds),
    }
    for field in ADDED:
        summary = summary.append_column(field, pa.array(added[field.name], field.type))
    table = summary.select(TABLE)
    keys = ("budget", "norm", "bn_batch_size", "schedule", "batch_size", "base_lr", "seed")
    return table.sort_by([(key, "ascending") for key in keys])


def with_seconds_alone(
    history: pa.Table, table: pa.Table, fleets: dict[str, Fleet], speeds: Speeds
) -> pa.Table:
    """The history with ``seconds_alone``: what the updates so far would take one model alone on
    this machine."""
    slug_of = dict(zip(table["point"].to_pylist(), table["fleet"].to_pylist(), strict=True))
    slugs = [slug_of[point] for point in history["point"].to_pylist()]
    alone = _alone(slugs, history["examples"].to_pylist(), fleets, speeds)
    return history.append_column(ADDED.field("seconds_alone"), pa.array(alone, pa.float64()))


def _alone(
    slugs: list[str], examples: list[int], fleets: dict[str, Fleet], speeds: Speeds
) -> list[float | None]:
    known = {
        pair: update_seconds(fleets[pair[0]], speeds, "alone", pair[1])
        for pair in {*zip(slugs, examples, strict=True)}
    }
    return [known[pair] for pair in zip(slugs, examples, strict=True)]


def _cost(study: StudyPlan, results: Path) -> dict:
    """What the jobs took: of those that trained here, seconds in training loops and in all."""
    total = {"jobs": len(study["jobs"]), "trained": 0, "loop_seconds": 0.0, "job_seconds": 0.0}
    for job in study["jobs"]:
        path = results / "jobs" / job / "cost.json"
        if path.is_file():
            cost = json.loads(path.read_text(encoding="utf-8"))
            if cost["trained"]:
                total["trained"] += cost["trained"]
                total["loop_seconds"] += cost["loop_seconds"]
                total["job_seconds"] += cost["ended"] - cost["started"]
    return total


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    _parser.add_argument("study", type=Path)
    _parser.add_argument(
        "--partial", action="store_true", help="take what exists, and list the gaps"
    )
    _parser.add_argument(
        "--stored", help="parts in the store: not used, it makes a partial report follow the store"
    )
    _arguments = _parser.parse_args()
    with main_errors():
        collect(_arguments.study, Path("results"), _arguments.partial)
