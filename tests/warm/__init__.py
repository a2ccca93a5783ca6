"""Commands without their imports: see `server.py`."""

import contextlib
import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from filelock import FileLock

from . import client

HERE = Path(__file__).parent
SECONDS = 280  # that a command may take


@functools.cache
def server() -> str:
    """The socket of the one server of a test run, in a folder where ``bin/python`` is its client.

    The first of pytest's processes that asks starts it. It ends, and removes the folder, when the
    run does.
    """
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    folder = Path(tempfile.gettempdir()) / f"warm-{owner}"
    address, program = f"{folder}/socket", folder / "bin" / "python"
    program.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "starting.lock"):
        if program.exists():
            return address
        program.write_text(
            f"#!{sys.executable} -ISE\n{(HERE / 'client.py').read_text()}\n\nimport sys\n\n"
            f"sys.exit(run({address!r}, ['python', *sys.argv[1:]], os.getcwd(), dict(os.environ), (0, 1, 2)))\n"
        )
        command = [sys.executable, str(HERE / "server.py"), address, str(owner)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,  # the end of the process that starts it is not its own
        )
        assert process.stdout.readline() == b"ready\n"
        program.chmod(0o755)
    return address


class Process:
    """``snakemake ...`` as a process that can be watched and killed, the leader of a group, whose
    jobs are started anew."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str], output: IO):
        with open(os.devnull, "rb") as nothing:
            outputs = nothing.fileno(), output.fileno(), output.fileno()
            self._connection, self.pid = client.ask(
                server(), command, str(folder), environment, outputs, sys.prefix
            )
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(TimeoutError):
            self.wait(0.001)
        return self.returncode

    def wait(self, timeout: float) -> int:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self.returncode = client.status(self._connection)
            self._connection.close()
        return self.returncode


def run(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and both outputs of ``snakemake ...`` or ``python -m ...``."""
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as errors,
        open(os.devnull, "rb") as nothing,
    ):
        outputs = nothing.fileno(), out.fileno(), errors.fileno()
        status = client.run(server(), command, str(folder), environment, outputs, SECONDS)
        return status, "".join(file.read().decode() for file in (out, errors) if file.seek(0) == 0)
