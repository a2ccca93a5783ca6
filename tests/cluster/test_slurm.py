"""The workflow on a real Slurm."""

import json
import os
import subprocess
import time

import pyarrow.parquet as pq
import pytest
from checkout import Checkout, Run
from slurm import Slurm, missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(missing() is not None, reason=f"no Slurm here: {missing()}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="slurmd must run as root"),
]


def start(slurm: Slurm, checkout: Checkout, *arguments: str, **config: str) -> subprocess.Popen:
    command = [part for part in checkout.command(*arguments, **config) if part not in ("--cores", "2")]
    command[1:1] = ["--workflow-profile", "workflow/profiles/slurm"]
    environment = slurm.environment | {"PYTHONPATH": str(checkout.root / "src")}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=checkout.root, env=environment, text=True, **both)


def on_slurm(slurm: Slurm, checkout: Checkout, *arguments: str, **config: str) -> Run:
    running = start(slurm, checkout, *arguments, **config)
    output, _ = running.communicate(timeout=400)
    return Run(running.returncode, output)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with Slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


def test_a_study_on_slurm_gives_the_table_of_a_local_run(slurm, reported, fresh):
    run = on_slurm(slurm, fresh, "table")
    assert run.status == 0, run.output
    jobs = slurm.ask("squeue", "-h", "-t", "all", "-o", "%T %c %m %l %P")
    finished = [line.split() for line in jobs.splitlines() if line]
    assert len(finished) == 5 and all(state == "COMPLETED" for state, *_ in finished), (
        jobs
    )  # 4 to train, 1 to calibrate
    # one core, and the memory and time that the plan states
    assert {cores for _, cores, *_ in finished} == {"1"} and {partition for *_, partition in finished} == {"main"}
    plans = [path for path in fresh.results.glob("plan/*.json") if path.name.count(".") == 1]  # of jobs
    planned = [json.loads(path.read_text())["resources"]["mem_mb"] for path in plans]
    calibration = 2000  # rule calibrate
    assert sorted(memory for _, _, memory, *_ in finished) == sorted(f"{mb}M" for mb in (*planned, calibration)), jobs
    for name in ("table", "history", "correct"):
        local, remote = (pq.read_table(c.results / "tiny" / f"{name}.parquet") for c in (reported, fresh))
        volatile = [column for column in ("seconds", "seconds_alone", "time") if column in local.column_names]
        assert local.drop(volatile).equals(remote.drop(volatile))


def test_a_job_that_fails_on_slurm_says_why(slurm, fresh):
    (fresh.root / "broken").touch()
    one_job = {"study": "failing", "hydra": "grid.batch_size=[8] grid.norm=[bn]"}
    run = on_slurm(slurm, fresh, "table", "--keep-going", **one_job)
    assert run.status != 0 and "this network is broken" in run.output


def test_a_preempted_job_goes_on_from_its_checkpoint(slurm, fresh):
    """SIGTERM reaches the training process through Slurm's step, Snakemake and the shell."""
    one_job = {
        "study": "kills",
        "hydra": "grid.batch_size=[4] grid.budget=epochs:12 tracking=none training.job_seconds=100",
    }
    running = start(slurm, fresh, "table", "--retries", "1", **one_job)
    while not list(fresh.results.glob("store/*/*/.checkpoint-*")):
        assert running.poll() is None, running.communicate()[0]
        time.sleep(0.05)
    log = next(fresh.results.glob("logs/train/*.log"))
    (job,) = (line.split()[0] for line in slurm.ask("squeue", "-h", "-o", "%i %k").splitlines() if "train" in line)
    slurm.ask("scancel", "--signal=TERM", job)
    said = ""
    while "stopped by SIGTERM" not in said and running.poll() is None:
        said = log.read_text() if log.exists() else said
        time.sleep(0.05)
    output, _ = running.communicate(timeout=400)
    assert "stopped by SIGTERM" in said + output and running.returncode == 0, output
    assert "goes on from its checkpoint" in log.read_text()
    assert len(pq.read_table(fresh.results / "kills" / "table.parquet")) == 6


def test_nothing_is_left_running_after_the_cluster_is_stopped(tmp_path):
    with Slurm(tmp_path / "slurm", port=17400) as cluster:
        assert "main" in cluster.ask("sinfo")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in listed
