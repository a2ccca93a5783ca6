"""Compile the training step in the background of a run of the workflow, once per machine; jobs that
need it wait for it.

Compilation starts when the Snakefile is read, since planning leaves a core idle, and is stopped
when Snakemake exits; a dry run keeps what was compiled until then. If Snakemake is killed (`kill
-9`), the compiling processes run to their end, about 10 s later. If compilation fails (for example,
because Numba is missing), training is slower with the same results; each job's log reports the
reason.
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
    """Compiles the training step for this machine in separate processes, if not done before."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._process: subprocess.Popen[str] | None = None
        self._outcome = ""  # the message about the result, when finished
        self._aloud = False
        self._lock = threading.Lock()
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # no Numba
            if not stamp().exists():
                self._process = _start()
                atexit.register(_end, self._process)
                threading.Thread(target=self._wait, args=(self._process,), daemon=True).start()

    def say(self) -> None:
        """Print that the step is compiled and, when finished, the outcome; without this call,
        nothing is printed."""
        if self._process is None:
            return
        with self._lock:
            self._aloud = True
            _print(
                self._outcome
                or "compiling the training step, once for this machine (some 10 s on two cores) ..."
            )

    def _wait(self, process: subprocess.Popen[str]) -> None:
        lines = process.communicate()[1].strip().splitlines()
        if process.returncode == -signal.SIGTERM:  # stopped with Snakemake
            return
        if process.returncode:
            cause = lines[-1] if lines else ""
            outcome = (
                f"warning: the training step could not be compiled ({cause}); training is slower"
            )
        else:
            outcome = f"compiled in {time.monotonic() - self._begun:.0f} s"
            if not stamp().exists():
                outcome += f", but {stamp().parent} can't be written: every job compiles for itself"
        with self._lock:
            self._outcome = outcome
            if self._aloud:
                _print(outcome)


def _start() -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "smallbatch.training.engines.compiled"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that `_end` also stops child processes
    )


def _end(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
