"""Run one planned job: look up what is stored, train what is missing, store it, log it, write its
tables.

A job needs torch, numpy and pyarrow, its plan file and its data, so it runs anywhere.
"""

import json
import signal
import time
import traceback
from pathlib import Path

import pyarrow as pa

from smallbatch.core import identity
from smallbatch.core.atomic import write_text
from smallbatch.core.errors import Stopped, UserError
from smallbatch.core.progress import JobProgress
from smallbatch.core.records import Job, JobCost, JobFleet, NetworkBytes
from smallbatch.jobs.train_missing import Done, FleetRun, track
from smallbatch.resources import memory_limit
from smallbatch.storage import schemas, store
from smallbatch.training import checkpoint

RESULTS = Path("results")


def run_job(path: Path, results: Path = RESULTS) -> None:
    """Do what is missing of a planned job, then write ``results/jobs/<job>/``; raises UserError.

    A fleet that fails leaves the others alone: they are stored, and the error is raised at the end.
    SIGTERM ends training with a checkpoint and the process with status 143.
    """
    started = time.time()
    job, name = read_job(path), path.stem
    done = Done()
    points = sum(identity.count(entry["points"]) for entry in job["fleets"])
    with JobProgress(results / "logs" / "train" / f"{name}.progress", points) as progress:
        tables = complete_fleets(job, name, results, progress, done)
        if not (done.trained or done.failed or done.stopped):
            progress.say(f"{name}: nothing to train, {points} points are stored")

    # What was trained is logged even if the job ends here: the next attempt finds it stored, and
    # doesn't log it.
    track(job, done.trained, results)
    if done.stopped:
        raise SystemExit(128 + signal.SIGTERM)
    if done.failed:
        kept = (
            f"; {len(done.trained)} points of this job were trained and are kept"
            if done.trained
            else ""
        )
        raise UserError(" | ".join(dict.fromkeys(done.failed)) + kept)
    folder = results / "jobs" / name
    folder.mkdir(parents=True, exist_ok=True)
    for table in schemas.TABLES:
        store.write_file(folder / f"{table}.parquet", pa.concat_tables(tables[table]))
    cost = cost_of(done, points, started)
    if "peak_mb" in cost:
        expected = f", {cost['predicted_mb']:,} MB predicted" if cost["predicted_mb"] else ""
        print(f"{name}: {cost['peak_mb']:,} MB of memory at most{expected}", flush=True)
    write_text(folder / "cost.json", json.dumps(cost) + "\n")


def read_job(path: Path) -> Job:
    """The job in a plan file; raises UserError."""
    try:
        job = json.loads(path.read_text(encoding="utf-8"))
        fleets = job["fleets"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: not a readable plan file ({error}); run snakemake, which writes it again"
        ) from error
    if not isinstance(fleets, list):
        raise UserError(
            f"{path}: the plan of a study, not of a job; name one of the jobs listed in it"
        )
    return job


def complete_fleets(
    job: Job, name: str, results: Path, progress: JobProgress, done: Done
) -> dict[str, list[pa.Table]]:
    """The tables of the job's fleets, after training what is missing; adds what happened to
    `done`."""
    tables: dict[str, list[pa.Table]] = {table: [] for table in schemas.TABLES}
    for entry, numbers in zip(job["fleets"], job["resources"]["networks"], strict=True):
        slug = identity.fleet_slug(entry["fleet"])
        try:
            for table, rows in complete(job, entry, numbers, results, progress, done).items():
                tables[table].append(rows)
        except Stopped:
            done.stopped = True
            progress.say(
                f"{name}: stopped by SIGTERM; the same command goes on from what is trained"
            )
            break
        except UserError as error:
            done.failed.append(f"{slug}: {error}")
        except (
            Exception
        ):  # whatever a user's network raises: the other fleets of the job still train
            traceback.print_exc()
            done.failed.append(f"{slug}: {traceback.format_exc().strip().splitlines()[-1]}")
    return tables


def complete(
    job: Job,
    entry: JobFleet,
    numbers: NetworkBytes | None,
    results: Path,
    progress: JobProgress,
    done: Done,
) -> dict[str, pa.Table]:
    """The tables of a fleet, after training its points that are not stored. `numbers` are those of
    its network."""
    fleet, points = entry["fleet"], identity.points_of(entry["points"])
    wanted = identity.point_digests(fleet, points)
    codes, place = [job["code"], *job["accept_code"]], results / "store"
    tables = store.look_up(place, fleet, codes, wanted)
    if len(tables["summary"]) == len(wanted):
        progress.skip(len(wanted))
        return tables
    with store.lock(
        place, fleet, wanted
    ):  # another copy of this job may have trained them meanwhile
        stored = set(store.look_up(place, fleet, codes, wanted)["summary"]["point"].to_pylist())
        missing = {point: d for point, d in zip(points, wanted, strict=True) if d not in stored}
        progress.skip(len(stored))
        if missing:
            counts = f"{len(wanted)} points, {len(stored)} stored, {len(missing)} to train"
            progress.say(f"{identity.fleet_slug(fleet)}: {counts}")
            FleetRun(job, entry, missing, numbers, results, progress, done).train()
            checkpoint.sweep(
                place / identity.fleet_slug(fleet),
                lambda leftover: (
                    len(store.look_up(place, fleet, codes, leftover)["summary"]) == len(leftover)
                ),
            )
    return store.look_up(place, fleet, codes, wanted)


def cost_of(done: Done, points: int, started: float) -> JobCost:
    """What the job took since `started`."""
    ended = time.time()
    loop = sum(summary["seconds"] for summary, _ in done.trained)
    cost: JobCost = {
        "points": points,
        "trained": len(done.trained),
        # `loop` may hold seconds of attempts that were killed
        "loop_seconds": min(loop, ended - started),
        "started": started,
        "ended": ended,
    }
    if done.trained:
        known = [megabytes for megabytes in done.predicted if megabytes is not None]
        cost["peak_mb"] = round(memory_limit.peak_used())
        cost["predicted_mb"] = round(max(known)) if len(known) == len(done.predicted) else None
    return cost
