"""Run one planned job: look up what is stored, train what is missing, store it, log it, write its tables.

A job needs torch, numpy and pyarrow, its plan file and its data, so it runs anywhere.
"""

import json
import math
import signal
import sys
import time
import traceback
from pathlib import Path

from smallbatch import memory, provenance, store
from smallbatch import points as identity
from smallbatch.atomic import write_text
from smallbatch.console import sigterm_noted, user_folder
from smallbatch.errors import Stopped, UserError
from smallbatch.footprint import MARGIN, WIDEST, fitting, options, peak
from smallbatch.progress import JobProgress
from smallbatch.schedules.course import largest_step
from smallbatch.training import checkpoint
from smallbatch.training.widths import piece_of

RESULTS = Path("results")
SETTINGS = (
    "model",
    "augmentation",
    "optimizer",
    "schedule",
    "precision",
)  # of a fleet, that a row of its tables holds as JSON
LIVE_SECONDS = 60  # between two loggings of points that are still training


def run_job(path: Path, results: Path = RESULTS) -> None:
    """Do what is missing of a planned job, then write ``results/jobs/<job>/``; raises UserError.

    A fleet that fails leaves the others alone: they are stored, and the error is raised at the end. SIGTERM ends
    training with a checkpoint and the process with status 143.
    """
    started = time.time()
    try:
        job = json.loads(path.read_text())
        fleets = job["fleets"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not a readable plan file ({error}); run snakemake, which writes it again") from error
    if not isinstance(fleets, list):
        raise UserError(f"{path}: the plan of a study, not of a job; name one of the jobs listed in it")
    done, trained, failed, stopped = {name: [] for name in store.TABLES}, [], [], False
    predicted = []  # MB, of each fleet that trains; None where it isn't known
    points = sum(identity.count(entry["points"]) for entry in fleets)
    with JobProgress(results / "logs" / "train" / f"{path.stem}.progress", points) as progress:
        for entry, numbers in zip(fleets, job["resources"]["networks"], strict=True):
            try:
                tables = complete(job, entry, results, trained, progress, numbers, predicted)
                for name in store.TABLES:
                    done[name].append(tables[name])
            except Stopped:
                stopped = True
                progress.say(f"{path.stem}: stopped by SIGTERM; the same command goes on from what is trained")
                break
            except UserError as error:
                failed.append(f"{identity.fleet_slug(entry['fleet'])}: {error}")
            except Exception:  # whatever a user's network raises: the other fleets of the job still train
                traceback.print_exc()
                failed.append(
                    f"{identity.fleet_slug(entry['fleet'])}: {traceback.format_exc().strip().splitlines()[-1]}"
                )
        if not (trained or failed or stopped):
            progress.say(f"{path.stem}: nothing to train, {points} points are stored")
    loop = sum(row["seconds"] for row, _ in trained)
    track(job, trained, results)
    if stopped:
        raise SystemExit(128 + signal.SIGTERM)
    if failed:
        kept = f"; {len(trained)} points of this job were trained and are kept" if trained else ""
        raise UserError(" | ".join(dict.fromkeys(failed)) + kept)
    folder = results / "jobs" / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    for name in store.TABLES:
        store.write_file(folder / f"{name}.parquet", store.pa.concat_tables(done[name]))
    ended = time.time()
    loop = min(loop, ended - started)  # the points' seconds may hold those of attempts that were killed
    cost = {"points": points, "trained": len(trained), "loop_seconds": loop, "started": started, "ended": ended}
    if trained:
        cost |= {
            "peak_mb": round(memory.peak_used()),
            "predicted_mb": None if None in predicted else round(max(predicted)),
        }
        expected = f", {cost['predicted_mb']:,} MB predicted" if cost["predicted_mb"] else ""
        print(f"{path.stem}: {cost['peak_mb']:,} MB of memory at most{expected}", flush=True)
    write_text(folder / "cost.json", json.dumps(cost) + "\n")


def complete(
    job: dict, entry: dict, results: Path, trained: list, progress: JobProgress, numbers: dict | None, predicted: list
) -> dict:
    """The tables of a fleet, after training its points that are not stored; appends (summary, history) to `trained`.

    `numbers` are those of its network (`footprint.py`); appends to `predicted` what memory it should take, in MB, or None.
    """
    fleet, points = entry["fleet"], identity.points_of(entry["points"])
    wanted = identity.point_digests(fleet, points)
    codes, place = [job["code"], *job["accept_code"]], results / "store"
    tables = store.look_up(place, fleet, codes, wanted)
    if len(tables["summary"]) < len(wanted):
        with store.lock(place, fleet, wanted):  # another copy of this job may have trained them meanwhile
            stored = set(store.look_up(place, fleet, codes, wanted)["summary"]["point"].to_pylist())
            missing = {p: d for p, d in zip(points, wanted, strict=True) if d not in stored}
            progress.skip(len(stored))
            if missing:
                progress.say(
                    f"{identity.fleet_slug(fleet)}: {len(wanted)} points, {len(stored)} stored, {len(missing)} to train"
                )
                train_missing(job, entry, missing, results, trained, progress, numbers, predicted)
                checkpoint.sweep(
                    place / identity.fleet_slug(fleet),
                    lambda leftover: len(store.look_up(place, fleet, codes, leftover)["summary"]) == len(leftover),
                )
        tables = store.look_up(place, fleet, codes, wanted)
    else:
        progress.skip(len(wanted))
    return tables


def train_missing(
    job: dict, entry: dict, missing: dict, results: Path, trained: list, progress: JobProgress, numbers: dict | None, predicted: list
) -> None:  # fmt: skip
    """Train the points of `missing` ((η̃, seed) -> digest), store them block by block, log long ones meanwhile."""
    fleet = entry["fleet"]
    _refuse_other_code(job, fleet)
    user_folder(job["folder"])
    # Importing torch takes 1.6 s: only a job that trains pays for it.
    from smallbatch.data.read import read
    from smallbatch.training.device import hardware, place
    from smallbatch.training.fleet import set_up, train_fleet

    slug = identity.fleet_slug(fleet)

    def say(text):
        progress.say(f"{slug}: {text}")

    set_up()
    device = place(job["device"], job["resources"]["gpu"], fleet.get("precision"), say)
    common = {
        "dataset": fleet["dataset"]["name"],
        "model": fleet["model"]["name"],
        "augmentation": fleet.get("augmentation", {"name": "none"})["name"],
        "optimizer": fleet["optimizer"]["name"],
        "batch_size": fleet["batch_size"],
        "norm": fleet["norm"],
        "bn_batch_size": fleet.get("bn_batch_size"),
        "updates_planned": fleet["updates"],
        "fleet": slug,
        "code": job["code"],
        "data": job["data"],
        "settings": identity.canonical({key: fleet[key] for key in SETTINGS if key in fleet}).decode(),
        "commit": provenance.commit(),
        "versions": provenance.versions("torch", "numpy"),
        "processor": hardware(device),
    }
    flops = numbers["separate"].get("flops") if numbers else None
    most, megabytes = None, None
    if numbers and device.type == "cpu":
        most, megabytes = room(job, fleet, list(missing), numbers)
        if most < WIDEST:
            say(f"memory holds {most} replicas at once")
    predicted.append(megabytes)
    data = read(results / "data" / job["data"]).to(device)
    names = {
        key: entry[key] for key in ("budget", "schedule")
    }  # of the study, which may call them otherwise than another
    logged = [time.monotonic()]

    def summary_of(point: tuple[float, int], outcome: dict) -> dict:
        base_lr, seed = point
        found = {"point": missing[point], "base_lr": base_lr, "lr": base_lr * fleet["batch_size"], "seed": seed}
        return common | found | outcome

    def watch(block, records, share):
        progress.update(len(block) * share, sum(record.examples for record in records))
        if time.monotonic() - logged[0] > LIVE_SECONDS:
            running = {"status": "training", "engine": None} | names
            live = [(summary_of(p, running), r.history) for p, r in zip(block, records, strict=False)]
            track(job, live, results, live=True)
            logged[0] = time.monotonic()

    folder = results / "store" / slug / job["code"]

    def keep(block, engine):
        points = [missing[point] for point in block]
        whose = {key: common[key] for key in ("fleet", "code", "data", "versions")} | {
            "points": points,
            "engine": engine,
            "device": device.type,
        }
        kept = checkpoint.keep_at(checkpoint.path_of(folder, points), whose, job["checkpoint_seconds"], stopping, say)
        if kept.saved:
            progress.resume(sum(record["examples"] for record in kept.saved[0]["records"]))
        return kept

    with sigterm_noted() as stopping:
        for block, outcomes in train_fleet(data, fleet, list(missing), say, watch, keep, most):
            rows = {name: [] for name in store.TABLES}
            for point, outcome in zip(block, outcomes, strict=True):
                summary, digest = summary_of(point, outcome["summary"]), missing[point]
                summary["flops"] = flops and flops * summary["examples"]
                rows["summary"].append(summary)
                rows["history"] += [{"point": digest} | row for row in outcome["history"]]
                rows["correct"].append({"point": digest, "correct": outcome["correct"]})
                trained.append((summary | names, outcome["history"]))
            tables = {name: store.pa.Table.from_pylist(rows[name], store.SCHEMAS[name]) for name in store.TABLES}
            store.add(results / "store", fleet, job["code"], tables)
            progress.skip(len(block), sum(row["examples"] for row in rows["summary"]))
            checkpoint.path_of(folder, [missing[point] for point in block]).unlink(missing_ok=True)
        if stopping():
            raise Stopped


def room(job: dict, fleet: dict, points: list, numbers: dict) -> tuple[int, float]:
    """How many replicas of a fleet may train at once in the memory that there is, and the peak in MB; raises UserError."""
    from smallbatch.training.choose import settled

    known = {"tracked": bool(job["tracking"]), "compiling": "compiled" in numbers and _compiling()}
    limit, says = memory.limit(job["resources"]["limit_mb"])
    most = fitting(numbers, fleet, points, limit, **known)
    if not most:
        need = math.ceil(peak(numbers, fleet, points, 1, **known))
        enough = math.ceil(MARGIN * need)
        fix = (
            "choose a smaller network or batch size (grid.batch_size)"
            if says == "this machine"
            else f"set training.mem_mb={enough}"
        )
        raise UserError(
            f"training.mem_mb: batch size {fleet['batch_size']} needs some {need:,} MB for a single replica, "
            f"but {says} allows {limit:,.0f} MB; {fix}"
        )
    at_once = piece_of(largest_step(fleet), fleet.get("bn_batch_size"))
    ways, dataset = options(numbers, at_once, most), fleet["dataset"]
    chosen = settled(ways, fleet, dataset["shape"], dataset["classes"], provenance.processor())
    return most, peak(numbers, fleet, points, most, chosen, **known)


def _compiling() -> bool:
    try:
        from smallbatch.training.compiled.ready import stamp

        return not stamp().exists()
    except Exception:  # Numba missing or unfit
        return False


def track(job: dict, points: list[tuple[dict, list[dict]]], results: Path, live: bool = False) -> None:
    """Log points to the study's experiment; what fails is said, and `snakemake track` makes up for it."""
    if not job["tracking"] or not points:
        return
    from smallbatch.tracking import TrackingError, log_points

    try:
        log_points(job["tracking"], job["tracking"]["study"], points, results, live)
    except TrackingError as error:
        print(f"warning: not tracked: {error}", file=sys.stderr, flush=True)
    except Exception as error:  # whatever a server or its client does, the job's tables are written
        print(f"warning: not tracked: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def _refuse_other_code(job: dict, fleet: dict) -> None:
    from smallbatch.source import code_digest

    now = code_digest([fleet["model"]["_target_"], fleet["dataset"]["_target_"]], job["folder"])
    if now != job["code"]:
        raise UserError(
            f"the training code is {now}, but this job was planned with {job['code']}; "
            "run snakemake again, which plans it anew (accept_code=[...] keeps results of older code)"
        )
