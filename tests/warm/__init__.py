"""Commands without their imports: see `server.py`."""

import atexit
import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import client

HERE = Path(__file__).parent
SECONDS = 280  # that a command may take


@functools.cache
def server() -> str:
    """The socket of this process's server, in a folder where ``bin/python`` is its client."""
    kept = tempfile.TemporaryDirectory(prefix="warm-")
    atexit.register(kept.cleanup)
    address, program = f"{kept.name}/socket", Path(kept.name) / "bin" / "python"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable} -ISE\n{(HERE / 'client.py').read_text()}\n\nimport sys\n\n"
        f"sys.exit(run({address!r}, ['python', *sys.argv[1:]], os.getcwd(), dict(os.environ), (0, 1, 2)))\n"
    )
    program.chmod(0o755)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, str(HERE / "server.py"), address], **pipes)
    atexit.register(process.stdin.close)
    assert process.stdout.readline() == b"ready\n"
    return address


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
