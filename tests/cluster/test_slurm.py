"""The workflow on a real Slurm."""

import contextlib
import json
import os
import subprocess
import time
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest
from checkout import Checkout, Run, new_checkout
from slurm import Slurm, missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(missing() is not None, reason=f"no Slurm here: {missing()}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="slurmd must run as root"),
]


# Three runs at the same time, each of which waits most of it: the arguments and settings of each.
RUNS = {
    "study": ((), {}),
    "failing": (
        ("--keep-going",),
        {"study": "failing", "hydra": "grid.batch_size=[8] grid.norm=[bn]"},
    ),
    "preempted": (
        ("--retries", "1"),
        {
            "study": "kills",
            "hydra": "grid.batch_size=[4] grid.budget=epochs:60 tracking=none training.job_seconds=100",
        },
    ),
}


@dataclass
class OnSlurm:
    """A run of the workflow on a cluster."""

    slurm: Slurm
    checkout: Checkout
    process: subprocess.Popen

    def ended(self) -> Run:
        self.process.wait(timeout=400)
        return Run(self.process.returncode, self.output)

    @property
    def output(self) -> str:
        return (self.checkout.root / "output.txt").read_text()

    def jobs(self, *formats: str) -> list[list[str]]:
        """What squeue says of each of its jobs, with these formats."""
        lines = self.slurm.ask(
            "squeue", "-h", "-t", "all", "-o", "|".join(["%Z", *formats])
        ).splitlines()
        return [
            rest
            for folder, *rest in (line.split("|") for line in lines)
            if folder == str(self.checkout.root)
        ]


@pytest.fixture(scope="module")
def runs(bytecode, tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    with Slurm(folder / "slurm") as slurm, contextlib.ExitStack() as stack:
        found = {}
        for name, (arguments, config) in RUNS.items():
            checkout = new_checkout(folder / name)
            if name == "failing":
                (checkout.root / "broken").touch()
            command = [
                part
                for part in checkout.command("table", *arguments, **config)
                if part not in ("--cores", "2")
            ]
            command[1:1] = ["--workflow-profile", "workflow/profiles/slurm"]
            environment = slurm.environment | {"PYTHONPATH": str(checkout.root / "src")}
            output = stack.enter_context(open(checkout.root / "output.txt", "w"))
            both = {"stdout": output, "stderr": subprocess.STDOUT}
            process = subprocess.Popen(command, cwd=checkout.root, env=environment, **both)
            stack.callback(process.kill)
            found[name] = OnSlurm(slurm, checkout, process)
        yield found


def test_a_preempted_job_goes_on_from_its_checkpoint(runs):
    """SIGTERM reaches the training process through Slurm's step, Snakemake and the shell."""
    run = runs["preempted"]
    results = run.checkout.results
    while not list(results.glob("store/*/*/.checkpoint-*")):
        assert run.process.poll() is None, run.output
        time.sleep(0.05)
    log = next(results.glob("logs/train/*.log"))
    (job,) = (
        job
        for job, comment, state in run.jobs("%i", "%k", "%T")
        if "train" in comment and state == "RUNNING"
    )
    run.slurm.ask("scancel", "--signal=TERM", job)
    said = ""
    while "stopped by SIGTERM" not in said and run.process.poll() is None:
        said = log.read_text() if log.exists() else said
        time.sleep(0.05)
    ended = run.ended()
    assert "stopped by SIGTERM" in said + ended.output and ended.status == 0, ended.output
    assert "goes on from its checkpoint" in log.read_text()
    assert len(pq.read_table(results / "kills" / "table.parquet")) == 6


def test_a_study_on_slurm_gives_the_table_of_a_local_run(runs, reported):
    run = runs["study"]
    assert run.ended().status == 0, run.output
    finished = run.jobs("%T", "%c", "%m", "%P")
    # 4 to train, 1 to calibrate
    assert len(finished) == 5 and all(state == "COMPLETED" for state, *_ in finished), finished
    # one core, and the memory that the plan states
    assert {cores for _, cores, *_ in finished} == {"1"} and {
        partition for *_, partition in finished
    } == {"main"}
    results = run.checkout.results
    plans = [path for path in results.glob("plan/*.json") if path.name.count(".") == 1]  # of jobs
    planned = [json.loads(path.read_text())["resources"]["mem_mb"] for path in plans]
    calibration = 2000  # rule calibrate
    asked = sorted(memory for _, _, memory, _ in finished)
    assert asked == sorted(f"{mb}M" for mb in (*planned, calibration)), finished
    for name in ("table", "history", "correct"):
        local, remote = (
            pq.read_table(folder / "tiny" / f"{name}.parquet")
            for folder in (reported.results, results)
        )
        volatile = [
            column
            for column in ("seconds", "seconds_alone", "time")
            if column in local.column_names
        ]
        assert local.drop(volatile).equals(remote.drop(volatile))


def test_a_job_that_fails_on_slurm_says_why(runs):
    run = runs["failing"].ended()
    assert run.status != 0 and "this network is broken" in run.output


def test_nothing_is_left_running_after_the_cluster_is_stopped(tmp_path):
    with Slurm(tmp_path / "slurm", port=17400) as cluster:
        assert "main" in cluster.ask("sinfo")
    listed = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert str(tmp_path) not in listed
