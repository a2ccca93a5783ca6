"""SIGTERM, checkpoints that are no use, and locks of the dead (`test_kills.py` kills at random)."""

import base64
import json
import os
import shutil
import signal
import sys
import time

import pyarrow.parquet as pq
import pytest
from checkout import Checkout, Run, new_checkout
from interrupt import PHASES, processes, start, start_warm

pytestmark = pytest.mark.slow
ONE_JOB = {"study": "kills", "hydra": "grid.batch_size=[8] grid.norm=[bn] tracking=none"}


def job_of(checkout: Checkout) -> str:
    (plan,) = checkout.results.glob("plan/digits-conv-m8-bn-*.json")
    return str(plan.relative_to(checkout.root))


def train(checkout: Checkout) -> Run:
    return checkout.module("smallbatch.train", job_of(checkout), check=False)


def tables(checkout: Checkout) -> list:
    """What a job wrote, the times apart."""
    (folder,) = checkout.results.glob("jobs/*")
    read = [pq.read_table(folder / f"{name}.parquet") for name in ("summary", "history", "correct")]
    kept = [t.select([c for c in t.column_names if c not in ("seconds", "time")]) for t in read]
    return [t.to_pandas() for t in kept]  # in which NaN equals NaN


def checkpoint_of(checkout: Checkout):
    (path,) = checkout.results.glob("store/*/*/.checkpoint-*")
    return path


@pytest.fixture(scope="module")
def undisturbed(bytecode, made_once) -> Checkout:
    """A study of one job, trained."""

    def make(folder):
        assert new_checkout(folder).snakemake("table", **ONE_JOB).trained == 6

    return Checkout(made_once("undisturbed", make))


@pytest.fixture(scope="module")
def stopped(undisturbed, made_once) -> tuple[Checkout, int, str]:
    """The same job, stopped by SIGTERM while it trains; its exit status and output."""

    def make(folder):
        checkout = new_checkout(folder)
        for name in ("plan", "data"):
            shutil.copytree(undisturbed.results / name, checkout.results / name)
        run = start(checkout, [sys.executable, "-m", "smallbatch.train", job_of(checkout)])
        while not list(checkout.results.glob("store/*/*/.checkpoint-*")):
            assert run.poll() is None
            time.sleep(0.01)
        time.sleep(0.5)
        run.send_signal(signal.SIGTERM)
        (folder / "status").write_text(str(run.wait(timeout=20)))

    checkout = Checkout(made_once("stopped", make))
    return (
        checkout,
        int((checkout.root / "status").read_text()),
        (checkout.root / "output.txt").read_text(),
    )


def test_sigterm_writes_a_checkpoint_and_exits_with_143_and_the_next_attempt_goes_on(
    stopped, undisturbed, tmp_path
):
    checkout, status, said = stopped
    assert status == 128 + signal.SIGTERM
    assert (
        "stopped by SIGTERM; the same command goes on from what is trained" in said
        and "Traceback" not in said
    )
    again = checkout.copy(tmp_path / "copy")
    assert checkpoint_of(again).is_file()
    run = train(again)
    assert run.status == 0 and "goes on from its checkpoint, after" in run.output
    assert all(one.equals(two) for one, two in zip(tables(again), tables(undisturbed), strict=True))
    assert not list(again.results.glob("store/*/*/.checkpoint-*"))


def test_seconds_of_earlier_attempts_count(stopped, tmp_path):
    again = stopped[0].copy(tmp_path / "copy")
    train(again)
    (folder,) = again.results.glob("jobs/*")
    history = pq.read_table(folder / "history.parquet").to_pylist()
    for point in {row["point"] for row in history}:
        rows = [row for row in history if row["point"] == point]
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
        assert rows[0]["time"] < 1000 * checkpoint_of(stopped[0]).stat().st_mtime
        assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "is truncated ("),
        (lambda path: path.write_bytes(b""), "is truncated (0 bytes)"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1000] + bytes(1000)), "is damaged ("),
        (lambda path: path.write_bytes(b"another program's file"), "is not a checkpoint"),
    ],
)
def test_a_checkpoint_that_is_no_use_is_refused_and_the_fleet_starts_again(
    stopped, undisturbed, tmp_path, harm, sentence
):
    again = stopped[0].copy(tmp_path / "copy")
    path = checkpoint_of(again)
    harm(path)
    run = train(again)
    (line,) = [line for line in run.output.splitlines() if ".checkpoint-" in line]
    assert f"checkpoint {path.relative_to(again.root)} {sentence}" in line and line.endswith(
        "; this block starts again"
    )
    assert run.status == 0 and "goes on" not in run.output and "Traceback" not in run.output
    assert all(one.equals(two) for one, two in zip(tables(again), tables(undisturbed), strict=True))


def test_a_checkpoint_of_other_points_is_refused(stopped, undisturbed, tmp_path):
    again = stopped[0].copy(tmp_path / "copy")
    path = checkpoint_of(again)
    content = path.read_bytes()
    fleet, job = path.parts[-3], json.loads((again.root / job_of(again)).read_text())
    from smallbatch.training import checkpoint

    header = json.loads(content.split(b"\n", 2)[1])
    state, arrays = checkpoint.load(path, header["identity"])
    other = header["identity"] | {"points": header["identity"]["points"][::-1]}
    checkpoint.save(path, other, state, arrays)
    run = train(again)
    assert (
        "is of other points; this block starts again" in run.output and fleet in run.output and job
    )
    assert all(one.equals(two) for one, two in zip(tables(again), tables(undisturbed), strict=True))


def test_sigterm_to_snakemake_and_its_jobs_needs_nothing_but_the_same_command(undisturbed, fresh):
    command = fresh.command("table", **ONE_JOB)
    run = start_warm(fresh, command)
    while not list(fresh.results.glob("store/*/*/.checkpoint-*")):
        assert run.poll() is None
        time.sleep(0.01)
    assert list(processes(fresh, PHASES["training"].module))
    os.killpg(run.pid, signal.SIGTERM)
    assert run.wait(timeout=30) != 0
    assert "stopped by SIGTERM" in (fresh.root / "output.txt").read_text()
    assert checkpoint_of(fresh).is_file()
    again = fresh.forked(command)
    assert again.trained == 6
    assert all(one.equals(two) for one, two in zip(tables(fresh), tables(undisturbed), strict=True))


def test_locks_of_the_dead_go_even_in_a_dry_run(checkout):
    for arguments in (["-n", "table"], ["table"]):
        locks = checkout.root / ".snakemake" / "locks"
        locks.mkdir(exist_ok=True)
        (locks / "0.output.lock").write_text("results/tiny/table.parquet\n")
        run = checkout.snakemake(*arguments)
        assert "Nothing to be done" in run.output and "locked" not in run.output


def mark_incomplete(checkout: Checkout, *paths) -> None:
    """As Snakemake does while a job runs; the mark stays when it is killed with its jobs."""
    for path in paths:
        name = base64.urlsafe_b64encode(str(path.relative_to(checkout.root)).encode()).decode()
        (checkout.root / ".snakemake" / "incomplete" / name).write_text('{"external_jobid": null}')


@pytest.mark.parametrize(
    "output", ["jobs/digits-conv-m16-bn-*/summary.parquet", "data/*/about.json"]
)
def test_all_that_hangs_on_an_incomplete_output_runs(checkout, output):
    """Snakemake alone would run the job and leave out its tables: the kills found that."""
    mark_incomplete(checkout, *checkout.results.glob(output))
    shutil.rmtree(checkout.results / "tiny")
    run = checkout.snakemake("table")
    assert run.jobs["train"] >= 1 and run.jobs["collect"] == 1 and run.trained == 0
    assert (checkout.results / "tiny" / "best.csv").is_file()
    assert "Nothing to be done" in checkout.snakemake("table").output
