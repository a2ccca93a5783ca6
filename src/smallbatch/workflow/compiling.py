"""Compile the training step beside a run of the workflow, on a machine that hasn't yet; jobs that
need it wait for it.

It begins when the Snakefile is read, since planning leaves one core idle, and ends with Snakemake:
a dry run compiles nothing to the end. Where it fails (Numba is missing, say) training is slower,
with the same results; each job's log says why.
"""

import atexit
import contextlib
import importlib.metadata
import os
import signal
import subprocess
import sys
import threading
import time

from smallbatch.training.engines.compiled.ready import stamp


class Compiling:
    """Of this machine's training step, in processes of its own, if it is needed."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.process: subprocess.Popen[str] | None = None
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # no Numba
            if not stamp().exists():
                self.process = _start()
                atexit.register(_end, self.process)

    def say(self) -> None:
        """Print that it compiles, and how that went when it is over."""
        if self.process:
            text = "compiling the training step, once for this machine (some 10 s on two cores) ..."
            print(text, file=sys.stderr, flush=True)
            threading.Thread(
                target=_say_how_it_went, args=(self.process, self.begun), daemon=True
            ).start()


def _start() -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "smallbatch.training.engines.compiled"]
    nothing, kept = subprocess.DEVNULL, subprocess.PIPE
    return subprocess.Popen(
        command, env=environment, text=True, start_new_session=True, stdout=nothing, stderr=kept
    )


def _say_how_it_went(process: subprocess.Popen[str], begun: float) -> None:
    lines = process.communicate()[1].strip().splitlines()
    if process.returncode:
        said = f"warning: the training step could not be compiled ({lines[-1] if lines else ''}); training is slower"
    else:
        kept = (
            ""
            if stamp().exists()
            else f", but {stamp().parent} can't be written: every job compiles for itself"
        )
        said = f"compiled in {time.monotonic() - begun:.0f} s{kept}"
    print(said, file=sys.stderr, flush=True)


def _end(process: subprocess.Popen) -> None:
    """With the processes that it has started."""
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
