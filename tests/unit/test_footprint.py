"""Memory: what is predicted, what real jobs take, and what becomes of a job that would not fit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from smallbatch.footprints import _traced
from smallbatch.pack import resources
from smallbatch.source import code_digest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONV, RESNET = "smallbatch.models.conv.ConvNet", "smallbatch.models.resnet.ResNet"
# name: (network, norm, BN batch size, shape, training images, m, replicas, momentum)
CASES = {
    "compiled, m = 2": (CONV, "none", None, [1, 8, 8], 1024, 2, 20, 0.0),
    "compiled, m = 256": (CONV, "none", None, [1, 8, 8], 1024, 256, 20, 0.9),
    "ResNet, compiled, m = 128": (RESNET, "bn", 128, [3, 32, 32], 256, 128, 3, 0.9),
    "channel groups": ("networks.GroupNormed", "none", None, [1, 8, 8], 3000, 2048, 8, 0.0),
    "vmap": ("networks.Cat", "bn", 8, [1, 8, 8], 3000, 2048, 8, 0.0),
    "one by one": ("networks.Dropout", "none", None, [1, 8, 8], 60000, 60000, 2, 0.0),
    "large data": (CONV, "none", None, [1, 28, 28], 80000, 64, 2, 0.0),
}


def setting(case):
    target, norm, b, shape, *_ = case
    return {"model": {"_target_": target}, "shape": shape, "classes": 10, "norm": norm, "bn_batch_size": b}


@pytest.fixture(scope="module")
def networks():
    """The numbers of every case's network, traced by one process."""
    found = _traced([setting(case) for case in CASES.values()], str(HERE))
    assert all(found)
    return dict(zip(CASES, found, strict=True))


def fleet(case, updates=2):
    target, norm, b, shape, size, m, _, momentum = case
    found = {
        "dataset": {
            "name": "random", "_target_": "smallbatch.data.digits.load", "shape": shape, "classes": 10,
            "sizes": {"train": size, "validation": 64, "test": 64},
        },
        "model": {"name": "net", "_target_": target},
        "optimizer": {"name": "sgd", "momentum": momentum, "weight_decay": 0.0},
        "schedule": {"name": "step", "drops": [], "factor": 0.1},
        "evaluation": {"epochs": []},
        "batch_size": m, "norm": norm, "updates": updates,
    }  # fmt: skip
    return found | ({"bn_batch_size": b} if b else {})


def train(folder, case, numbers, mem_mb=None):
    """Run one job in a process of its own; returns that process and the content of cost.json."""
    shared, replicas = fleet(case), case[6]
    total = sum(shared["dataset"]["sizes"].values())
    data = folder / "results" / "data" / "random"
    data.mkdir(parents=True)
    random = np.random.default_rng(0)
    np.save(data / "images.npy", random.integers(0, 255, (total, *case[3]), np.uint8))
    np.save(data / "labels.npy", np.arange(total) % 10)
    about = {"sizes": shared["dataset"]["sizes"], "classes": 10, "mean": 127.0, "std": 73.0}
    (data / "about.json").write_text(json.dumps(about))
    job = {
        "code": code_digest([shared["model"]["_target_"], shared["dataset"]["_target_"]], str(HERE)), "accept_code": [],
        "folder": str(HERE), "data": "random", "tracking": None, "checkpoint_seconds": 100.0, "device": None,
        "fleets": [{"fleet": shared, "points": [{"base_lr": [1e-6], "seeds": list(range(replicas))}], "budget": "updates:2"}],
    }  # fmt: skip
    training = {"images_per_second": 1e5, "mem_mb": mem_mb, "runtime": None, "gpus": 0}
    job["resources"] = resources(job, training, [numbers])
    (folder / "results" / "plan").mkdir()
    (folder / "results" / "plan" / "one.json").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-m", "smallbatch.train", "results/plan/one.json"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True,
    )  # fmt: skip
    cost = folder / "results" / "jobs" / "one" / "cost.json"
    return done, json.loads(cost.read_text()) if cost.exists() else {}, job["resources"]["mem_mb"]


@pytest.mark.parametrize("name", CASES)
def test_a_job_takes_the_memory_that_was_predicted_within_30_percent(tmp_path, networks, name):
    done, cost, asked = train(tmp_path, CASES[name], networks[name])
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"\n| {name} | {cost['predicted_mb']} | {cost['peak_mb']} | {asked} |", done.stdout.splitlines()[1])
    assert 0.7 * cost["predicted_mb"] <= cost["peak_mb"] <= min(1.3 * cost["predicted_mb"], asked)
    assert f"{cost['peak_mb']:,} MB of memory at most, {cost['predicted_mb']:,} MB predicted" in done.stdout
