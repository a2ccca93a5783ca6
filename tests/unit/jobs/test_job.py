"""Whole jobs in this process: planned, trained, stored, and collected into the table of their
study."""

import json
from pathlib import Path

import pandas as pd
import pytest
from checkout import REPOSITORY
from pretended_gpu import NAME, pretended_gpu  # noqa: F401

from smallbatch.config.compose import compose
from smallbatch.data.prepare import prepare
from smallbatch.jobs.collect import collect
from smallbatch.jobs.run import run_job
from smallbatch.planning.files import plan_study, write_plan

CONF = REPOSITORY / "tests" / "conf"
SMALL = ["grid.batch_size=[16]", "grid.budget=epochs:2", "training.job_seconds=1000"]
WEIGHT_NORM = ["model=mynet", "model._target_=mynets.WeightNormed", "grid.norm=[none]"]


@pytest.fixture
def results(tmp_path) -> Path:
    return tmp_path / "results"


def planned(results: Path, *overrides: str) -> tuple[Path, Path]:
    """The tests' tiny study with its data prepared: the plan of the study, and that of its only
    job."""
    plan = plan_study(compose("tiny", [*SMALL, *overrides], str(CONF)), str(CONF))
    study = write_plan(plan, results)
    for name in plan.data:
        prepare(
            json.loads((results / "plan" / f"{name}.data.json").read_text()),
            results / "data" / name,
            {},
        )
    (job,) = plan.study["jobs"]
    return study, results / "plan" / f"{job}.json"


def trained(study: Path, job: Path, results: Path) -> tuple[pd.DataFrame, dict]:
    """The study's table after the job, and the job's cost.json."""
    run_job(job, results)
    collect(study, results, partial=False)
    cost = json.loads((results / "jobs" / job.stem / "cost.json").read_text())
    return pd.read_parquet(results / "tiny" / "table.parquet"), cost


@pytest.mark.slow
def test_a_job_on_a_gpu_trains_up_to_its_tables(
    results,
    tmp_path,
    monkeypatch,
    capsys,
    pretended_gpu,  # noqa: F811
):
    study, job = planned(results, "grid.norm=[bn]", "grid.base_lr=[2**-6,2**40]", "training.gpus=1")
    # where no way of training is known to be the fastest
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    table, cost = trained(study, job, results)
    printed = capsys.readouterr().out
    assert (
        "the compiled step is for processors" in printed
        and "cannot be captured as a CUDA graph" in printed
    )
    assert set(table["processor"]) == {NAME} and set(table["engine"]) <= {
        "groups",
        "products",
        "vmap",
    }
    assert table["status"].tolist() == ["completed"] * 2 + ["diverged"] * 2  # by rate
    assert table["test_accuracy"][:2].min() > 0.85
    assert cost["trained"] == cost["points"] == 4 and cost["peak_mb"] > 100
    # of a GPU's job nothing is predicted
    assert cost["predicted_mb"] is None and "MB of memory at most\n" in printed
    run_job(job, results)
    assert "nothing to train, 4 points are stored" in capsys.readouterr().out


@pytest.mark.parametrize("unknown", [[0], [0, 1]], ids=["of one fleet", "of all fleets"])
def test_a_job_whose_memory_is_not_known_trains_and_says_no_prediction(results, capsys, unknown):
    study, job = planned(results, "grid.base_lr=[2**-6]")
    plan = json.loads(job.read_text())
    assert len(plan["fleets"]) == 2 and all(plan["resources"]["networks"])
    for number in unknown:
        plan["resources"]["networks"][number] = None
    job.write_text(json.dumps(plan))
    table, cost = trained(study, job, results)
    assert len(table) == cost["trained"] == 4 and cost["predicted_mb"] is None
    assert "MB of memory at most\n" in capsys.readouterr().out


def test_a_network_with_parametrised_weights_trains_and_its_memory_is_predicted(results):
    """Its weights are products of others, anew in each forward (weight norm)."""
    study, job = planned(results, *WEIGHT_NORM, "grid.base_lr=[2**-6]", "grid.budget=epochs:6")
    table, cost = trained(study, job, results)
    assert set(table["engine"]) <= {"vmap", "separate", "separate channels_last"}
    assert set(table["status"]) == {"completed"} and table["test_accuracy"].min() > 0.9
    assert 300 < cost["predicted_mb"] < 1000 and (table["flops"] > 0).all()
