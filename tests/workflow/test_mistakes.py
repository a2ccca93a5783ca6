"""A user's mistakes end in one sentence: the rows of MISTAKES.md, made for real."""

import fcntl
import os
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import warm
from checkout import REPOSITORY, Checkout, Run

pytestmark = pytest.mark.slow

ROWS = [
    tuple(cell.strip() for cell in line.strip("|\n").split(" | "))
    for line in (REPOSITORY / "MISTAKES.md").read_text().splitlines()
    if line.startswith("| ") and "`" in line
]


def make_the_database(checkout: Checkout) -> None:
    with sqlite3.connect(checkout.results / "mlflow.db") as database:
        database.execute("create table experiments (name, experiment_id, lifecycle_stage)")
        database.execute("create table runs (experiment_id)")
    database.close()


def bad_studies(checkout: Checkout) -> None:
    folder = checkout.root / "mine" / "study"
    folder.mkdir(parents=True)
    (folder / "bad.yaml").write_text("# @package _global_\ngrid:\n  seeds 5\n  x: [\n")
    (folder / "first.yaml").write_text("defaults:\n  - override /dataset: digits\n")


def taken_name(checkout: Checkout) -> None:
    (checkout.root / "taken" / "study").mkdir(parents=True)
    (checkout.root / "taken" / "study" / "digits.yaml").write_text("# @package _global_\n")


def nothing_trained(checkout: Checkout) -> None:
    shutil.rmtree(checkout.results)


def results_is_a_file(checkout: Checkout) -> None:
    shutil.rmtree(checkout.results)
    checkout.results.write_text("in the way")


def damaged_data(checkout: Checkout) -> None:
    for name in ("store", "jobs", "tiny"):
        shutil.rmtree(checkout.results / name)
    for path in checkout.results.glob("data/*/images.npy"):
        path.write_bytes(path.read_bytes()[:1000])


def damaged_database(checkout: Checkout) -> None:
    (checkout.results / "mlflow.db").write_bytes(b"this is no database" * 100)


def used_port(checkout: Checkout) -> None:
    make_the_database(checkout)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 5199))
    listener.listen()
    checkout.listener = listener  # open as long as the test


def killed_process(checkout: Checkout) -> None:
    shutil.rmtree(checkout.results)
    inside = re.escape(str(checkout.root))

    def kill() -> None:
        for _ in range(1500):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    command = (process / "cmdline").read_bytes().split(b"\0")
                    here = os.readlink(process / "cwd")
                except OSError:
                    continue
                if b"smallbatch.train" in command and re.match(inside, here):
                    log = (
                        checkout.results
                        / "logs"
                        / "train"
                        / f"{Path(command[-2].decode()).stem}.log"
                    )
                    if log.exists() and log.stat().st_size:  # it has begun, and said so
                        os.kill(int(process.name), 9)
                        return
            time.sleep(0.02)

    threading.Thread(target=kill, daemon=True).start()


def running_already(checkout: Checkout) -> None:
    """A run that is alive: its lock file, and the system's lock that ends with its process."""
    locks = checkout.root / ".snakemake" / "locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/tiny/table.parquet\n")
    checkout.running = open(checkout.root / ".snakemake" / "smallbatch.lock", "w")  # noqa: SIM115
    fcntl.flock(checkout.running, fcntl.LOCK_SH)


def old_python(checkout: Checkout) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, checkout.root / name)
    fake = checkout.root / "python2"
    version = "s/sys.version_info\\[:2\\]/(2, 7)/"
    fake.write_text(f'#!/bin/sh\nexec {sys.executable} -c "$(echo "$2" | sed \'{version}\')"\n')
    fake.chmod(0o755)


SET_UPS = {
    "YAML that isn't valid": bad_studies,
    "a study without its first line": bad_studies,
    "a study named as one of the project's": taken_name,
    "nothing trained yet, and a partial report": nothing_trained,
    "results/ cannot be written": results_is_a_file,
    "prepared data that was damaged": damaged_data,
    "a damaged MLflow database": damaged_database,
    "the MLflow page with a damaged database": damaged_database,
    "the port of the MLflow page in use": used_port,
    "a training process that is killed": killed_process,
    "the same run twice at once": running_already,
    "a Python that is too old": old_python,
}
WARNINGS = {"a damaged MLflow database", "a dead tracking server"}  # these end well


@pytest.fixture(scope="module")
def unchanged(reported, tmp_path_factory) -> Checkout:
    """A copy for mistakes that change nothing."""
    return reported.copy(tmp_path_factory.mktemp("unchanged") / "copy")


IN_SHELL = {  # these start Snakemake's program; the others its function, with the words that the shell would give it
    "a misspelt study",
    "a batch larger than the data",
    "YAML that isn't valid",
    "less memory than one replica needs",
    "a training process that is killed",
}


def test_the_table_has_what_it_promises():
    assert len(ROWS) >= 35 and set(SET_UPS) | IN_SHELL <= {mistake for mistake, *_ in ROWS}
    assert len({mistake for mistake, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("mistake", [mistake for mistake, *_ in ROWS])
def test_a_mistake_is_one_sentence(reported, unchanged, tmp_path, mistake):
    _, command, printed = next(row for row in ROWS if row[0] == mistake)
    checkout = unchanged
    if mistake in SET_UPS or "--cores" in command:
        checkout = reported.copy(tmp_path / "copy")
        SET_UPS.get(mistake, lambda checkout: None)(checkout)
    command = command.strip("`").replace("tests-conf", str(REPOSITORY / "tests" / "conf"))
    program, *words = shlex.split(command)
    if program != "snakemake" or mistake in IN_SHELL:
        run = in_shell(checkout, command)
    else:
        run = Run(*warm.run([program, *words], checkout.root, checkout.environment))
    assert (run.status == 0) == (mistake in WARNINGS), run.output
    assert printed in run.output
    # the user's own, with their lines
    assert "Traceback" not in run.output or mistake == "a forward that raises"
    if " -n " in command:
        assert "Job stats" not in run.output and printed.removeprefix("error: ") in run.error


def in_shell(checkout: Checkout, command: str) -> Run:
    """Run a command line, with this environment's programs."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=checkout.root,
        env=checkout.environment | {"PATH": programs},
        capture_output=True,
        text=True,
        timeout=200,
    )
    return Run(done.returncode, done.stdout + done.stderr)


def test_what_a_killed_process_had_stored_is_kept_and_the_same_command_goes_on(reported, tmp_path):
    checkout = reported.copy(tmp_path / "copy")
    killed_process(checkout)
    two_jobs = {"hydra": "grid.batch_size=[8]"}
    assert (
        checkout.run(checkout.command("table", "--keep-going", **two_jobs), check=False).status != 0
    )
    stored = len(list(checkout.results.glob("store/*/*/part-*")))
    run = checkout.snakemake("table", **two_jobs)
    assert run.status == 0 and run.trained == 12 - 6 * stored


def test_hydras_help_and_cfg_are_useful(reported):
    shown = reported.module("smallbatch.train", "study=digits", "grid.seeds=3", "--cfg", "job")
    assert "seeds: 3" in shown.output and "batch_size:\n  - 2" in shown.output
    assert (
        "python -m smallbatch.train study=digits"
        in reported.module("smallbatch.train", "--help").output
    )
