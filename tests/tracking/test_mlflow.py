"""MLflow beside the tables: the same values, nothing doubled, and no run lost to it."""

import contextlib
import math
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest
from checkout import Checkout, wait_for
from filelock import FileLock
from mlflow.tracking import MlflowClient

from smallbatch.tracking.run import METRICS
from smallbatch.tracking.runs import incomplete

pytestmark = pytest.mark.slow
TRACKED = {"hydra": "tracking=mlflow grid.batch_size=[8]"}


@pytest.fixture(scope="module")
def tracked(reported, made_once):
    """The tiny study's 12 points at m = 8, trained with tracking on."""

    def make(folder):
        checkout = reported.copy(folder)
        shutil.rmtree(checkout.results / "store")
        assert checkout.snakemake(**TRACKED).trained == 12

    return Checkout(made_once("tracked", make))


def client_of(checkout) -> MlflowClient:
    return MlflowClient(f"sqlite:///{checkout.results}/mlflow.db")


def runs_of(client, study: str = "tiny", kind: str = "tags.point LIKE '%'") -> list:
    return client.search_runs(
        [client.get_experiment_by_name(study).experiment_id], kind, max_results=1000
    )


def counts(client) -> dict[str, int]:
    """Rows of metrics of each run."""
    return {
        r.info.run_id: sum(
            len(client.get_metric_history(r.info.run_id, key)) for key in r.data.metrics
        )
        for r in runs_of(client)
    }


def test_every_metric_is_that_of_the_history_tables(tracked):
    client = client_of(tracked)
    runs = {run.data.tags["point"]: run.info.run_id for run in runs_of(client)}
    history = pq.read_table(tracked.results / "tiny" / "history.parquet").to_pylist()
    assert set(runs) == {row["point"] for row in history} and len(runs) == 12
    expected = {
        (row["point"], key, row["epoch"], row["time"]): row[key]
        for row in history
        for key in METRICS
        if row[key] is not None
    }
    found = {
        (point, key, metric.step, metric.timestamp): metric.value
        for point, run in runs.items()
        for key in METRICS
        for metric in client.get_metric_history(run, key)
    }
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key] == value or (math.isnan(found[key]) and not math.isfinite(value))


def test_runs_carry_parameters_tags_data_and_provenance(tracked):
    client = client_of(tracked)
    rows = {
        row["point"]: row
        for row in pq.read_table(tracked.results / "tiny" / "table.parquet").to_pylist()
    }
    for run in runs_of(client):
        row = rows[run.data.tags["point"]]
        for key in ("batch_size", "base_lr", "lr", "norm", "seed", "budget", "model", "dataset"):
            assert run.data.params[key] == str(row[key])
        assert run.data.tags["status"] == row["status"] and run.data.tags["m"] == "0008"
        for key in ("code", "commit", "versions", "processor"):
            assert run.data.tags[key] == row[key]
        assert run.inputs.dataset_inputs[0].dataset.name == "digits"
        assert run.info.status == "FINISHED"
    assert (
        client.get_experiment_by_name("tiny").tags["mlflow.experimentKind"]
        == "custom_model_development"
    )


def test_figures_and_report_are_artifacts_of_the_studys_own_run(tracked):
    (run,) = runs_of(client_of(tracked), kind="tags.kind = 'report'")
    folder = tracked.results / "mlartifacts" / "tiny" / run.info.run_id / "artifacts"
    assert (folder / "report.html").read_bytes() == (
        tracked.results / "tiny" / "report.html"
    ).read_bytes()
    assert len(list((folder / "figures").glob("*.svg"))) == 10


def test_syncing_again_adds_nothing(tracked, tmp_path):
    checkout = tracked.copy(tmp_path / "again")
    client = client_of(checkout)
    before = counts(client)
    checkout.module("smallbatch.tracking", "results/tiny")
    assert counts(client) == before == counts(client_of(tracked))
    assert len(runs_of(client, kind="tags.kind = 'report'")) == 1
    assert not incomplete(checkout.results / "tiny" / "mlflow.csv")


def test_a_point_that_is_trained_again_has_one_run_with_the_new_values(tracked, tmp_path):
    checkout = tracked.copy(tmp_path / "again")
    checkout.edit(
        "src/smallbatch/training/optimizers/sgd.py", "if len(lr) == 1:", "if len(lr) <= 1:"
    )
    assert checkout.snakemake("track", **TRACKED).trained == 12
    client = client_of(checkout)
    runs = runs_of(client)
    code = pq.read_table(checkout.results / "tiny" / "table.parquet")["code"][0].as_py()
    assert len(runs) == 12 and {run.data.tags["code"] for run in runs} == {code}
    assert sorted(counts(client).values()) == sorted(counts(client_of(tracked)).values())


def test_a_lost_database_is_written_again_from_the_tables(tracked, tmp_path):
    checkout = tracked.copy(tmp_path / "lost")
    for path in checkout.results.glob("mlflow.db*"):
        path.unlink()
    run = checkout.snakemake("track", **TRACKED)
    assert run.trained == 0 and len(runs_of(client_of(checkout))) == 12


@pytest.mark.parametrize("trouble", ["a damaged database", "a dead server"])
def test_tracking_trouble_costs_a_warning_and_heals(tracked, tmp_path, trouble):
    checkout = tracked.copy(tmp_path / "trouble")
    extra = " grid.seeds=3"
    if trouble == "a damaged database":
        for path in checkout.results.glob("mlflow.db*"):
            path.unlink()
        (checkout.results / "mlflow.db").write_bytes(b"this is no database" * 100)
    else:
        extra += " tracking.uri=http://127.0.0.1:9"
    run = checkout.snakemake(hydra=TRACKED["hydra"] + extra)
    assert run.status == 0 and run.trained == 6
    sentence = (
        "results/mlflow.db could not be used"
        if trouble == "a damaged database"
        else "http://127.0.0.1:9 could not be used"
    )
    assert "warning: not tracked: " in run.output and sentence in run.output
    assert incomplete(checkout.results / "tiny" / "mlflow.csv")
    (checkout.results / "mlflow.db").unlink(missing_ok=True)
    runs = "results/tiny/mlflow.csv"  # not the report again, which takes longer
    healed = checkout.snakemake(runs, hydra=TRACKED["hydra"] + " grid.seeds=3")
    assert healed.trained == 0 and len(runs_of(client_of(checkout))) == 18
    assert (
        "Nothing to be done"
        in checkout.snakemake(runs, hydra=TRACKED["hydra"] + " grid.seeds=3").output
    )


def test_long_jobs_log_while_they_train(fresh, tmp_path):
    """With the pause between two loggings set to nothing, runs are there, and open, before the job
    ends."""
    fresh.edit("src/smallbatch/jobs/train_missing.py", "LIVE_SECONDS = 60", "LIVE_SECONDS = 0")
    slow = "tracking=mlflow grid.batch_size=[2] grid.norm=[bn] grid.budget=epochs:20 training.job_seconds=1000"
    with ThreadPoolExecutor() as pool:
        running, seen = pool.submit(fresh.snakemake, "track", hydra=slow), None
        while not running.done() and seen is None:
            time.sleep(0.3)
            # Under the jobs' lock: two that open a database while it is made would break it.
            with (
                FileLock(fresh.results / ".mlflow.db.lock")
                if fresh.results.exists()
                else contextlib.nullcontext()
            ):
                if (fresh.results / "mlflow.db").exists():
                    open_runs = (
                        run for run in runs_of(client_of(fresh)) if run.info.status == "RUNNING"
                    )
                    seen = next((run for run in open_runs if run.data.metrics), None)
    running.result()
    assert seen is not None and seen.data.tags["status"] == "training"
    client = client_of(fresh)
    done = client.get_run(seen.info.run_id)
    assert done.info.status == "FINISHED" and done.data.tags["status"] in (
        "completed",
        "untrained",
        "diverged",
    )
    steps = [metric.step for metric in client.get_metric_history(seen.info.run_id, "val_loss")]
    assert sorted(steps) == list(range(21))  # every epoch once, though logged many times


def test_a_tracking_server_gets_the_same_runs(tracked, tmp_path):
    checkout = tracked.copy(tmp_path / "server")
    (checkout.results / "tiny" / "mlflow.csv").unlink()
    port = "5147"
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        port,
        "--workers",
        "1",
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        str(tmp_path / "artifacts"),
    ]
    # Without its runner of jobs, whose processes outlive it.
    quiet = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(
        command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health")
        run = checkout.snakemake(
            "track", hydra=f"{TRACKED['hydra']} tracking.uri=http://127.0.0.1:{port}"
        )
        assert run.trained == 0
        client = MlflowClient(f"http://127.0.0.1:{port}")
        assert len(runs_of(client)) == 12
        (report,) = runs_of(client, kind="tags.kind = 'report'")
        assert "report.html" in {item.path for item in client.list_artifacts(report.info.run_id)}
    finally:
        server.terminate()
        server.wait(timeout=20)
