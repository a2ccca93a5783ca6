"""The workflow on a real Slurm."""

import os
import subprocess

import pyarrow.parquet as pq
import pytest
from checkout import Checkout, Run
from slurm import Slurm, missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=f"no Slurm here: {missing()}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="slurmd must run as root"),
]


def on_slurm(slurm: Slurm, checkout: Checkout, *arguments: str, **config: str) -> Run:
    command = [part for part in checkout.command(*arguments, **config) if part not in ("--cores", "2")]
    command[1:1] = ["--workflow-profile", "workflow/profiles/slurm"]
    environment = slurm.environment | {"PYTHONPATH": str(checkout.root / "src")}
    done = subprocess.run(command, cwd=checkout.root, env=environment, capture_output=True, text=True, timeout=400)
    return Run(done.returncode, done.stdout + done.stderr)


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
    assert all(memory.endswith("M") and int(memory[:-1]) >= 1000 for _, _, memory, *_ in finished), jobs
    for name in ("table", "history", "correct"):
        local, remote = (pq.read_table(c.results / "tiny" / f"{name}.parquet") for c in (reported, fresh))
        volatile = [column for column in ("seconds", "seconds_alone", "time") if column in local.column_names]
        assert local.drop(volatile).equals(remote.drop(volatile))


def test_a_job_that_fails_on_slurm_says_why(slurm, fresh):
    (fresh.root / "broken").touch()
    run = on_slurm(slurm, fresh, "table", "--keep-going", study="failing")
    assert run.status != 0 and "this network is broken" in run.output


def test_nothing_is_left_running_after_the_cluster_is_stopped(tmp_path):
    with Slurm(tmp_path / "slurm", port=17400) as cluster:
        assert "main" in cluster.ask("sinfo")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in listed
