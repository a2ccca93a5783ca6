"""Seeing from outside what a run of the workflow is doing, and ending it there."""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import warm
from checkout import REPOSITORY, Checkout


@dataclass(frozen=True)
class Phase:
    """A phase of a run: the command that is in it, how it is seen, and how long it lasts (seconds,
    at most)."""

    module: str
    seen: Callable[[Checkout, int], bool]
    lasts: float


def trains(checkout: Checkout, pid: int) -> bool:
    """Whether the process has written a checkpoint, its block isn't stored yet, and it does nothing
    else now."""
    busy = (
        writes(checkout, pid, True) or writes(checkout, pid, False) or logs_to_mlflow(checkout, pid)
    )
    return not busy and since(pid, checkout.results.glob("store/*/*/.checkpoint-*"))


def since(pid: int, paths: Iterable[Path]) -> bool:
    """Whether one of the files was written since the process began."""
    began = psutil.Process(pid).create_time()
    for path in paths:
        with contextlib.suppress(OSError):
            if path.stat().st_mtime > began:
                return True
    return False


def writes(checkout: Checkout, pid: int, checkpoints: bool) -> bool:
    """Whether the process is writing a checkpoint, or a part of the store.

    What killed predecessors left there is older than it.
    """
    paths = checkout.results.glob("store/*/*/.writing-*")
    return since(
        pid, (path for path in paths if path.name.startswith(".writing-checkpoint") == checkpoints)
    )


def logs_to_mlflow(checkout: Checkout, pid: int) -> bool:
    """Whether the process holds the lock of the MLflow database."""
    try:
        inode = (checkout.results / ".mlflow.db.lock").stat().st_ino
    except OSError:
        return False
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any(
        lock[1] == "FLOCK" and lock[4] == str(pid) and lock[5].endswith(f":{inode}")
        for lock in locks
    )


PHASES = {
    "training": Phase("smallbatch.train", trains, 0.4),
    "checkpoint writing": Phase("smallbatch.train", lambda c, pid: writes(c, pid, True), 0.04),
    "store writing": Phase("smallbatch.train", lambda c, pid: writes(c, pid, False), 0.12),
    "MLflow logging": Phase("smallbatch.train", logs_to_mlflow, 0.06),
    "collecting": Phase("smallbatch.jobs.collect", lambda c, pid: True, 0.5),
}


def processes(checkout: Checkout, module: str) -> Iterator[int]:
    """The Python processes that run `module` in a checkout."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            if module.encode() in command and os.readlink(process / "cwd") == str(checkout.root):
                yield int(process.name)
        except OSError:
            continue


def slowed(checkout: Checkout) -> dict[str, str]:
    """The environment of a checkout on a slow disk."""
    path = f"{checkout.environment['PYTHONPATH']}:{REPOSITORY / 'tests' / 'slow_disk'}"
    return checkout.environment | {"PYTHONPATH": path}


def start(checkout: Checkout, command: list[str]) -> subprocess.Popen:
    """Start a command in a process group of its own, on a slow disk, its output in a file."""
    with open(checkout.root / "output.txt", "w") as file:
        return subprocess.Popen(
            command,
            cwd=checkout.root,
            env=slowed(checkout),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def start_warm(checkout: Checkout, command: list[str]) -> warm.Process:
    """The same for Snakemake, which need not import what it needs; its jobs are as usual."""
    with open(checkout.root / "output.txt", "w") as file:
        return warm.Process(["snakemake", *command[1:]], checkout.root, slowed(checkout), file)


def catch(checkout: Checkout, run: warm.Process, phase: Phase, chance: random.Random) -> int | None:
    """Stop a process of `run` (SIGSTOP) at a random moment within `phase`; None if the run ends
    before."""
    pid = None
    while run.poll() is None:
        if pid is None or not Path(f"/proc/{pid}").exists():
            pid = next(processes(checkout, phase.module), None)
            time.sleep(0.02 if pid is None else 0)
            continue
        try:
            if phase.seen(checkout, pid):
                time.sleep(chance.uniform(0, phase.lasts))
                os.kill(pid, signal.SIGSTOP)
                if phase.seen(checkout, pid):  # still, and it stands
                    return pid
                os.kill(pid, signal.SIGCONT)
        except (ProcessLookupError, FileNotFoundError, psutil.NoSuchProcess):
            continue
        time.sleep(0.002)
    return None


def kill(run: warm.Process, pid: int, group: bool) -> None:
    """``kill -9`` a process that `catch` stopped, or the whole group of the run, Snakemake and
    all."""
    assert os.getpgid(pid) == run.pid
    if group:
        os.killpg(run.pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)
    run.wait(timeout=60)
