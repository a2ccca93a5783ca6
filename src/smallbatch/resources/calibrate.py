"""Measure training steps: ``python -m smallbatch.resources.calibrate results/plan/STUDY.study.json
OUT.csv``.

For every kind of step of a study: the seconds per update (or round, `training/engines/adaptive.py`)
of a single model (an ordinary module, one thread) and per replica of a fleet, and the seconds per
evaluated image. Results are kept per machine in ``results/store/calibration/``, so that each kind
is measured once.
"""

import csv
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smallbatch.core import provenance
from smallbatch.core.atomic import write_text
from smallbatch.core.errors import main_errors
from smallbatch.core.identity import digest, fleet_slug
from smallbatch.core.records import Fleet, StudyPlan
from smallbatch.core.syntax import read_syntax
from smallbatch.core.user_folder import user_folder
from smallbatch.resources.speeds import steps_of
from smallbatch.schedules.course import is_adaptive

if TYPE_CHECKING:
    from smallbatch.data.read import Data

COLUMNS = (
    "batch_size",
    "norm",
    "bn_batch_size",
    "step",
    "machine",
    "seconds_update_alone",
    "seconds_update_fleet",
    "spread_alone",
    "spread_fleet",
    "seconds_image_scored",
    "seconds_image_population",
    "width",
    "engine",
)
# Settings that the speed of a step depends on.
STEP = (
    "dataset",
    "model",
    "augmentation",
    "optimizer",
    "batch_size",
    "norm",
    "bn_batch_size",
    "precision",
)
REPEATS = 3
SECONDS = 0.03  # minimum length of a repeat
IMAGES = 256  # images to evaluate


def calibrate(path: Path, results: Path) -> list[dict]:
    """One row of COLUMNS per kind of step (`speeds.py`) of the study; kinds without a stored result
    are measured."""
    study = json.loads(path.read_text(encoding="utf-8"))
    machine, how = provenance.processor(), read_syntax(Path(__file__)).digest
    settings: dict[tuple, Fleet] = {}
    for job in study["jobs"]:
        for entry in json.loads((results / "plan" / f"{job}.json").read_text(encoding="utf-8"))[
            "fleets"
        ]:
            fleet = entry["fleet"]
            for kind in steps_of(fleet):
                setting = fleet.copy()
                if kind[-1] != "round":
                    setting["schedule"] = {
                        "name": "constant",
                        "sampling": fleet["schedule"].get("sampling"),
                    }
                    setting["batch_size"] = kind[0]
                settings.setdefault(kind, setting)
    rows, data = [], None
    for kind, fleet in sorted(settings.items()):
        step = {key: fleet.get(key) for key in STEP} | {"kind": kind[-1]}
        name = digest([step, study["code"], machine, how])
        kept = results / "store" / "calibration" / f"{name}.json"
        if not kept.is_file():
            if data is None:
                data = _read(study, results)
            try:
                row = measure(fleet, data) | {"machine": machine}
            except Exception as error:  # the network fails; the setting's training job reports why
                print(f"not measured: {fleet_slug(fleet)}: {error}", flush=True)
                row = {"machine": machine}
            kept.parent.mkdir(parents=True, exist_ok=True)
            if len(row) > 1:
                write_text(kept, json.dumps(row))
        else:
            row = json.loads(kept.read_text(encoding="utf-8"))
        columns = {key: fleet.get(key) for key in ("batch_size", "norm", "bn_batch_size")}
        rows.append(columns | {"step": kind[-1]} | row)
    return rows


def _read(study: StudyPlan, results: Path) -> "Data":
    user_folder(study["folder"])
    from smallbatch.data.read import read
    from smallbatch.training.fleet import set_up

    set_up()
    return read(results / "data" / study["data"])


def measure(fleet: Fleet, data: "Data") -> dict:
    """Seconds per update of a single model and per replica in a fleet (medians of REPEATS, with
    spread (max - min) / median), and seconds per evaluated image."""
    from smallbatch.training.engines.choose import choose_engine, separate_ways
    from smallbatch.training.engines.factory import network

    engine, width = choose_engine(data, fleet, lambda text: None)
    # The compiled engine trains replicas one after another, so timing one is enough.
    replicas = 1 if engine == "compiled" else width
    b, m = fleet.get("bn_batch_size"), fleet["batch_size"]
    ways = separate_ways(network(data, fleet, 0), data.shape, m if m > 1 else b or 2)
    ways = ["separate"] if is_adaptive(fleet) else ways
    alone = min((_time(way, fleet, data, 1) for way in ways), key=statistics.median)
    together = alone if engine.startswith("separate") else _time(engine, fleet, data, replicas)
    found = {"width": width, "engine": engine}
    for name, times in (("alone", alone), ("fleet", together)):
        median = statistics.median(times)
        found |= {
            f"seconds_update_{name}": median,
            f"spread_{name}": (max(times) - min(times)) / median,
        }
    return found | _evaluation(engine, fleet, data, replicas)


def _evaluation(engine: str, fleet: Fleet, data: "Data", replicas: int) -> dict:
    """Seconds per image and replica of an evaluation and, with batch norm, of computing population
    statistics."""
    from smallbatch.data.read import Split
    from smallbatch.training.engines.factory import make_trainer

    trainer = make_trainer(engine, data, fleet, list(range(replicas)))
    split = Split(data.train.images[:IMAGES], data.train.labels[:IMAGES])

    def seconds(run: Callable[[Any], object]) -> float:
        run(split.images[:2])  # warm-up, not timed
        begun = time.perf_counter()
        run(split.images)
        return (time.perf_counter() - begun) / len(split.labels) / replicas

    found = {
        "seconds_image_scored": seconds(
            lambda images: trainer.score(Split(images, split.labels[: len(images)]))
        )
    }
    if trainer.normalised:
        found["seconds_image_population"] = seconds(trainer.population_statistics)
    return found


def _time(engine: str, fleet: Fleet, data: "Data", replicas: int) -> list[float]:
    """Seconds per update and replica of each repeat."""
    import numpy as np

    from smallbatch.training.engines.factory import make_trainer
    from smallbatch.training.updates import augmenting, batches, fresh_batches

    seeds, m = list(range(replicas)), fleet["batch_size"]
    trainer = make_trainer(engine, data, fleet, seeds)

    def updates(number: int) -> float:
        begun = time.perf_counter()
        fresh = fleet["schedule"].get("sampling") == "fresh" and not is_adaptive(fleet)
        order = (fresh_batches if fresh else batches)(seeds, m, len(data.train.labels), 0, number)
        rates = np.full((number, replicas), 1e-6)  # small, so that weights stay finite
        update = augmenting(trainer, data.train, fleet, seeds, order, 0)
        update(slice(0, number), rates, np.zeros(replicas))
        return time.perf_counter() - begun

    updates(2)  # warm-up, not timed
    number = max(2, round(2 * SECONDS / updates(2)))
    return [updates(number) / number / replicas for _ in range(REPEATS)]


if __name__ == "__main__":
    with main_errors():
        _rows = calibrate(Path(sys.argv[1]), Path("results"))
        with open(sys.argv[2], "w", newline="", encoding="utf-8") as _file:
            _writer = csv.DictWriter(_file, COLUMNS)
            _writer.writeheader()
            _writer.writerows(_rows)
