"""Memory: what is predicted, what real jobs take, and what becomes of a job that would not fit."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from checkout import REPOSITORY as ROOT

from smallbatch.core import provenance
from smallbatch.core.source import code_digest
from smallbatch.core.user_cache import remember
from smallbatch.planning.packing import resources
from smallbatch.resources.memory_model import fitting, options, peak
from smallbatch.resources.memory_numbers import _traced
from smallbatch.training.engines import choose
from smallbatch.training.engines.choose import SAID
from smallbatch.training.engines.compiled.ready import folder as kernels

pytestmark = pytest.mark.slow
HERE = ROOT / "tests" / "unit"  # where networks.py is
CONV, RESNET = "smallbatch.models.conv.ConvNet", "smallbatch.models.resnet.ResNet"
BA_SGD = "smallbatch.models.ba_sgd.BaSgdCNN"
# name: (network, norm, BN batch size, shape, training images, m, replicas, momentum)
CASES = {
    "by the compiled step, m = 2": (CONV, "none", None, [1, 8, 8], 1024, 2, 20, 0.0),
    "by the compiled step, m = 256": (CONV, "none", None, [1, 8, 8], 1024, 256, 20, 0.9),
    "ResNet, batch norm, m = 128": (RESNET, "bn", 128, [3, 32, 32], 256, 128, 1, 0.9),
    "by the compiled step, ResNet, m = 256 by 16": (
        RESNET,
        "bn",
        16,
        [3, 16, 16],
        512,
        256,
        3,
        0.9,
    ),
    "as channel groups, m = 4": ("networks.GroupNormed", "none", None, [1, 8, 8], 1024, 4, 20, 0.9),
    "as channel groups, wide, m = 2": (
        "networks.WideGroupNormed",
        "none",
        None,
        [1, 8, 8],
        256,
        2,
        128,
        0.9,
    ),
    "group norm, m = 512 of 16×16": (
        "networks.Pixels",
        "none",
        None,
        [3, 16, 16],
        512,
        512,
        2,
        0.9,
    ),
    "group norm, m = 2048": ("networks.GroupNormed", "none", None, [1, 8, 8], 4096, 2048, 2, 0.9),
    "by vmap, m = 4": ("networks.LayerNormed", "none", None, [1, 8, 8], 1024, 4, 20, 0.9),
    "by vmap, wide, m = 2": ("networks.WideLayerNormed", "none", None, [1, 8, 8], 256, 2, 128, 0.9),
    "by vmap, attention, m = 64": (
        "networks.Attention",
        "none",
        None,
        [1, 8, 8],
        1024,
        64,
        20,
        0.9,
    ),
    "attention, m = 2048": ("networks.Attention", "none", None, [1, 8, 8], 4096, 2048, 2, 0.9),
    "one by one, dropout, m = 64": ("networks.Dropout", "none", None, [1, 8, 8], 1024, 64, 2, 0.9),
    "one by one, dropout, m = 20000": (
        "networks.Dropout",
        "none",
        None,
        [1, 8, 8],
        20000,
        20000,
        1,
        0.0,
    ),
    "by the compiled step, BA-SGD": (BA_SGD, "none", None, [1, 28, 28], 512, 32, 8, 0.9),
    "group norm, BA-SGD": ("networks.WideGroupNormed", "none", None, [1, 8, 8], 256, 32, 20, 0.9),
    "by the compiled step, a growing batch": (RESNET, "bn", 16, [3, 16, 16], 1024, 16, 3, 0.9),
    "large data": (CONV, "none", None, [1, 28, 28], 80000, 64, 2, 0.0),
}


ADAPTIVE = {
    "schedule": {"name": "ba-sgd", "drops": []},
    "evaluation": {"epochs": [], "noise_scale": 0.1},
}
GROWS = {
    "schedule": {"name": "increase-batch", "drops": [0.5], "factor": 16, "cap": 0.25},
    "examples": 1024,
    "updates": 34,
}
CHANGES = {
    "by the compiled step, BA-SGD": ADAPTIVE,
    "group norm, BA-SGD": ADAPTIVE,
    "by the compiled step, a growing batch": GROWS,
}


def setting(case):
    target, norm, b, shape, *_ = case
    return {
        "model": {"_target_": target},
        "shape": shape,
        "classes": 10,
        "norm": norm,
        "bn_batch_size": b,
        "compiled": True,
    }


@pytest.fixture(scope="module")
def networks(made_once):
    """The numbers of every case's network, traced by one process."""

    def make(folder):
        warm = [sys.executable, "-m", "smallbatch.training.engines.compiled"]
        subprocess.run(warm, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, check=True)
        found = _traced([setting(case) for case in CASES.values()], str(HERE))
        assert all(found)
        folder.mkdir()
        (folder / "numbers.json").write_text(json.dumps(found))

    found = json.loads((made_once("networks", make) / "numbers.json").read_text())
    return dict(zip(CASES, found, strict=True))


def fleet_of(case, updates=2):
    target, norm, b, shape, size, m, _, momentum = case
    found = {
        "dataset": {
            "name": "random",
            "_target_": "smallbatch.data.digits.load",
            "shape": shape,
            "classes": 10,
            "sizes": {"train": size, "validation": 64, "test": 64},
        },
        "model": {"name": "net", "_target_": target},
        "optimizer": {"name": "sgd", "momentum": momentum, "weight_decay": 0.0},
        "schedule": {"name": "step", "drops": [], "factor": 0.1},
        "evaluation": {"epochs": []},
        "batch_size": m,
        "norm": norm,
        "updates": updates,
    }
    changes = next((CHANGES[name] for name in CHANGES if CASES[name] == case), {})
    return found | ({"bn_batch_size": b} if b else {}) | changes


def train(folder, case, numbers, mem_mb=None, cache=None):
    """Run one job in a process of its own; returns that process and the content of cost.json."""
    fleet, replicas = fleet_of(case), case[6]
    total = sum(fleet["dataset"]["sizes"].values())
    data = folder / "results" / "data" / "random"
    data.mkdir(parents=True)
    random = np.random.default_rng(0)
    np.save(data / "images.npy", random.integers(0, 255, (total, *case[3]), np.uint8))
    np.save(data / "labels.npy", np.arange(total) % 10)
    about = {"sizes": fleet["dataset"]["sizes"], "classes": 10, "mean": 127.0, "std": 73.0}
    (data / "about.json").write_text(json.dumps(about))
    job = {
        "code": code_digest([fleet["model"]["_target_"], fleet["dataset"]["_target_"]], str(HERE)),
        "accept_code": [],
        "folder": str(HERE),
        "data": "random",
        "tracking": None,
        "checkpoint_seconds": 100.0,
        "device": None,
        "fleets": [
            {
                "fleet": fleet,
                "points": [{"base_lr": [1e-6], "seeds": list(range(replicas))}],
                "budget": "updates:2",
                "schedule": "step",
            }
        ],
    }
    training = {"images_per_second": 1e5, "mem_mb": mem_mb, "runtime": None, "gpus": 0}
    job["resources"] = resources(job, training, [numbers])
    (folder / "results" / "plan").mkdir()
    (folder / "results" / "plan" / "one.json").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-m", "smallbatch.train", "results/plan/one.json"],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(ROOT / "src")}
        | ({"XDG_CACHE_HOME": str(cache)} if cache else {}),
        capture_output=True,
        text=True,
    )
    cost = folder / "results" / "jobs" / "one" / "cost.json"
    return done, json.loads(cost.read_text()) if cost.exists() else {}, job["resources"]["mem_mb"]


def untimed_cache(folder):
    """A cache folder with the compiled step in it, in which no way of training is known to be the
    fastest."""
    cache = folder / "cache" / "smallbatch"
    cache.mkdir(parents=True)
    (cache / kernels().name).symlink_to(kernels())
    return cache.parent


def prefer(engine, cache):
    """Let a machine's timing, by which another way is the fastest here, say that this one is."""
    (path,) = cache.glob("smallbatch/engines/*.json")
    kept = json.loads(path.read_text())
    speeds = {
        option: speed
        for option, speed in kept["images_per_second"].items()
        if option.rpartition(" ")[0] == engine
    }
    width = int(max(speeds, key=speeds.get).rpartition(" ")[2])
    path.write_text(json.dumps(kept | {"engine": engine, "width": width}))


@pytest.mark.parametrize("name", CASES)
def test_a_job_takes_the_memory_that_was_predicted_within_30_percent(tmp_path, networks, name):
    way = name.partition(",")[0]
    cache = untimed_cache(tmp_path)
    done, cost, asked = train(tmp_path / "timed", CASES[name], networks[name], cache=cache)
    if done.returncode == 0 and way in SAID.values() and f"replicas train {way}" not in done.stdout:
        prefer(next(engine for engine, said in SAID.items() if said == way), cache)
        done, cost, asked = train(tmp_path / "chosen", CASES[name], networks[name], cache=cache)
    assert done.returncode == 0, done.stdout + done.stderr
    assert way not in SAID.values() or f"replicas train {way}" in done.stdout
    print(
        f"\n| {name} | {cost['predicted_mb']} | {cost['peak_mb']} | {asked} |",
        done.stdout.splitlines()[1],
    )
    assert 0.7 * cost["predicted_mb"] <= cost["peak_mb"] <= min(1.3 * cost["predicted_mb"], asked)
    assert (
        f"{cost['peak_mb']:,} MB of memory at most, {cost['predicted_mb']:,} MB predicted"
        in done.stdout
    )


NUMBERS = {
    "groups": {"weights": 6000, "start": 6000, "example": 9000, "slice": 5000},
    "separate": {"weights": 6000, "start": 6000, "example": 9000, "slice": 5000},
}


def test_more_examples_or_replicas_never_take_less():
    case = list(CASES["as channel groups, wide, m = 2"])
    found = []
    for m in (64, 256, 1024, 2048):
        case[5] = m
        row = [
            peak(NUMBERS, fleet_of(case), [(0.1, s) for s in range(n)], 64, ("groups", n))
            for n in (2, 4, 16)
        ]
        assert row == sorted(row) and row[0] < row[-1]
        found.append(row)
    assert found == sorted(found)
    assert peak(NUMBERS, fleet_of(case), []) < 1000


def test_the_most_replicas_that_fit_do_fit_and_one_more_would_not():
    fleet, points = fleet_of(CASES["as channel groups, wide, m = 2"]), [(0.1, s) for s in range(8)]
    limit = peak(NUMBERS, fleet, points, 8)
    most = fitting(NUMBERS, fleet, points, limit - 1)
    assert 0 < most < 8 and peak(NUMBERS, fleet, points, most) <= limit - 1 < peak(
        NUMBERS, fleet, points, 8
    )
    assert fitting(NUMBERS, fleet, points, 10) == 0


@pytest.mark.parametrize("way", ["groups", "vmap"])
def test_a_fleet_that_would_not_fit_is_split_stays_within_its_memory_and_keeps_its_bits(
    tmp_path, networks, monkeypatch, way
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(untimed_cache(tmp_path)))
    name = f"{SAID[way]}, wide, m = 2"
    numbers, case = networks[name], CASES[name]
    points = [(1e-6, seed) for seed in range(case[6])]
    narrow = math.ceil(peak(numbers, fleet_of(case), points, 12, (way, 12)))
    assert narrow < 0.8 * peak(numbers, fleet_of(case), points, 128, (way, 128))
    found = {}
    for limit in (None, narrow):
        folder = tmp_path / str(limit)
        folder.mkdir()
        take(
            way,
            numbers,
            fleet_of(case),
            128 if limit is None else fitting(numbers, fleet_of(case), points, limit),
        )
        done, cost, _ = train(folder, case, numbers, mem_mb=limit)
        assert done.returncode == 0 and f"replicas train {SAID[way]}" in done.stdout, (
            done.stdout[:2000] + done.stderr
        )
        blocks = done.stdout.count(" images/s")
        print(f"\n| {name} | {limit} | {cost['peak_mb']} | {blocks} blocks |")
        found[limit] = blocks, cost["peak_mb"], tables(folder)
    assert found[narrow][0] > found[None][0] and found[narrow][1] <= narrow < found[None][1]
    assert found[narrow][2].equals(found[None][2])


def take(way, numbers, fleet, most):
    """Remember that `way` was the fastest on this machine, among whichever others."""
    for others in ([], ["groups"], ["vmap"], ["groups", "vmap"]):
        among = {
            key: one
            for key, one in numbers.items()
            if key in (way, *others) or key.startswith("separate")
        }
        ways = options(among, fleet["batch_size"], most)
        width = next(width for engine, width in ways if engine == way)
        name = choose._name(ways, fleet, fleet["dataset"]["shape"], 10, provenance.processor())
        remember(name, {"engine": way, "width": width})


def tables(folder):
    """All that a job found, but for times."""
    job = folder / "results" / "jobs" / "one"
    summary, correct = (pq.read_table(job / f"{name}.parquet") for name in ("summary", "correct"))
    return summary.drop_columns(["seconds"]).append_column("bits", correct["correct"])


def test_narrower_blocks_give_the_same_bits(digits32, make_fleet):
    from smallbatch.training.fleet import train_fleet

    points = [(2.0**-6, seed) for seed in range(3)]
    found = [list(train_fleet(digits32, make_fleet(), points, print, most=n)) for n in (128, 2)]
    assert [len(block) for block, _ in found[1]] == [1, 2]
    one, other = (
        [(o["correct"], o["summary"]["train_loss"]) for _, block in run for o in block]
        for run in found
    )
    assert one == other


def test_a_job_that_cannot_fit_says_what_it_needs_in_one_sentence(tmp_path, networks):
    done, _, asked = train(
        tmp_path,
        CASES["by the compiled step, m = 256"],
        networks["by the compiled step, m = 256"],
        mem_mb=300,
    )
    assert done.returncode == 1 and asked == 300
    assert (
        "batch size 256 needs some" in done.stderr
        and "but training.mem_mb allows 300 MB; set training.mem_mb=" in done.stderr
    )
