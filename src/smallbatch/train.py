"""Train: one planned job, or a study by hand.

    python -m smallbatch.train results/plan/JOB.json                        one job, as the workflow runs it
    python -m smallbatch.train study=digits grid.seeds=3 'grid.batch_size=[2,4]'   a study, job after job
    python -m smallbatch.train --help                                       Hydra's help; --cfg job shows the study

Both fill results/store/ and results/jobs/. A job needs torch, numpy and pyarrow, its plan file and data.
"""

import json
import sys
import time
import traceback
from pathlib import Path

from smallbatch import plan as planning
from smallbatch import store
from smallbatch.console import main_errors, user_folder
from smallbatch.errors import UserError

RESULTS = Path("results")


def run_job(path: Path, results: Path = RESULTS) -> None:
    """Do what is missing of a planned job, then write ``results/jobs/<job>/``; raises UserError.

    A fleet that fails leaves the others alone: they are stored, and the error is raised at the end.
    """
    started = time.time()
    try:
        job = json.loads(path.read_text())
        fleets = job["fleets"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not a readable plan file ({error}); run snakemake, which writes it again") from error
    done, trained, failed = {name: [] for name in store.TABLES}, [], []
    for entry in fleets:
        slug = planning.fleet_slug(entry["fleet"])
        try:
            tables = complete(job, entry, results, trained)
            for name in store.TABLES:
                done[name].append(tables[name])
        except UserError as error:
            failed.append(f"{slug}: {error}")
        except Exception:  # whatever a user's network raises: the other fleets of the job still train
            traceback.print_exc()
            failed.append(f"{slug}: {traceback.format_exc().strip().splitlines()[-1]}")
    loop = sum(row["seconds"] for row in trained)
    if failed:
        kept = f"; {len(trained)} points of this job were trained and are kept" if trained else ""
        raise UserError(" | ".join(failed) + kept)
    folder = results / "jobs" / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    for name in store.TABLES:
        store.write_file(folder / f"{name}.parquet", store.pa.concat_tables(done[name]))
    points = sum(planning.count(entry["points"]) for entry in fleets)
    cost = {"points": points, "trained": len(trained), "loop_seconds": loop, "started": started, "ended": time.time()}
    (folder / "cost.json").write_text(json.dumps(cost) + "\n")


def complete(job: dict, entry: dict, results: Path, trained: list[dict]) -> dict:
    """The tables of a fleet, after training its points that are not stored; appends their summaries to `trained`."""
    shared, points = entry["fleet"], planning.points_of(entry["points"])
    wanted = planning.point_digests(shared, points)
    codes, place = [job["code"], *job["accept_code"]], results / "store"
    tables = store.look_up(place, shared, codes, wanted)
    if len(tables["summary"]) < len(wanted):
        with store.lock(place, shared, wanted):  # another copy of this job may have trained them meanwhile
            stored = set(store.look_up(place, shared, codes, wanted)["summary"]["point"].to_pylist())
            missing = [(p, d) for p, d in zip(points, wanted, strict=True) if d not in stored]
            say = _speaker(planning.fleet_slug(shared))
            if missing:
                say(f"{len(wanted)} points, {len(stored)} stored, {len(missing)} to train")
                train_missing(job, shared, dict(missing), results, say, trained)
        tables = store.look_up(place, shared, codes, wanted)
    return tables


def train_missing(job: dict, shared: dict, missing: dict, results: Path, say, trained: list[dict]) -> None:
    """Train the points of `missing` ((η̃, seed) -> digest) and store them block by block."""
    _refuse_other_code(job, shared)
    user_folder(job["folder"])
    import torch  # 1.6 s: only a job that trains pays for it

    from smallbatch.data.read import read
    from smallbatch.training.fleet import processor, set_up, train_fleet

    set_up()
    common = {
        "dataset": shared["dataset"]["name"],
        "model": shared["model"]["name"],
        "augmentation": "none",
        "optimizer": shared["optimizer"]["name"],
        "batch_size": shared["batch_size"],
        "norm": shared["norm"],
        "bn_batch_size": shared.get("bn_batch_size"),
        "schedule": shared["schedule"]["name"],
        "updates_planned": shared["updates"],
        "fleet": planning.fleet_slug(shared),
        "code": job["code"],
        "torch": torch.__version__,
        "processor": processor(),
    }
    folder = results / "data" / job["data"]
    try:
        data = read(folder)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: the prepared data cannot be read ({error}); delete the folder and run snakemake again"
        ) from error
    for block, outcomes in train_fleet(data, shared, list(missing), say):
        digests = [missing[point] for point in block]
        rows = {name: [] for name in store.TABLES}
        for point, outcome in zip(digests, outcomes, strict=True):
            summary = outcome["summary"]
            rows["summary"].append(common | {"point": point, "lr": summary["base_lr"] * shared["batch_size"]} | summary)
            rows["history"] += [{"point": point} | row for row in outcome["history"]]
            rows["correct"].append({"point": point, "correct": outcome["correct"]})
        tables = {name: store.pa.Table.from_pylist(rows[name], store.SCHEMAS[name]) for name in store.TABLES}
        store.add(results / "store", shared, job["code"], tables)
        trained += rows["summary"]


def _refuse_other_code(job: dict, shared: dict) -> None:
    from smallbatch.source import code_digest

    now = code_digest([shared["model"]["_target_"], shared["dataset"]["_target_"]], job["folder"])
    if now != job["code"]:
        raise UserError(
            f"the training code is {now}, but this job was planned with {job['code']}; "
            "run snakemake again, which plans it anew (accept_code=[...] keeps results of older code)"
        )


def _speaker(prefix: str):
    return lambda text: print(f"{prefix}: {text}", flush=True)


def main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) == 1 and arguments[0].endswith(".json"):
        with main_errors():
            run_job(Path(arguments[0]))
    else:
        from smallbatch.by_hand import main as by_hand

        by_hand(arguments)


if __name__ == "__main__":
    main()
