"""Snakemake's command in processes that need not import it: forked from a server that has done so once.

Half of the time of a start of Snakemake is that of importing it, and the tests start it some two hundred times. What a
process is forked with are installed packages alone; it imports this project from the checkout that it runs in.
"""

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = [
    *("snakemake.cli", "snakemake.report.html_reporter", "argparse_dataclass", "smart_open", "yte"),
    *("hydra", "omegaconf", "pyarrow.compute", "pyarrow.parquet", "rich.progress"),
]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(PACKAGES)


def snakemake(arguments: list[str], folder: Path, environment: dict[str, str], seconds: float) -> tuple[int, str]:
    """Run ``snakemake ARGUMENTS`` in a folder; returns the exit status and what it printed to both outputs.

    Raises subprocess.TimeoutExpired after some seconds.
    """
    with tempfile.TemporaryDirectory() as kept:
        outputs = [Path(kept) / name for name in ("stdout", "stderr")]
        process = SERVER.Process(target=_main, args=(arguments, folder, environment, outputs))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["snakemake", *arguments], seconds)
        return process.exitcode, "".join(output.read_text() for output in outputs)


def _main(arguments: list[str], folder: Path, environment: dict[str, str], outputs: list[Path]) -> None:
    """As the interpreter would begin and end with this working directory, environment and outputs."""
    for descriptor, output in zip((1, 2), outputs, strict=True):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    installed = [path for path in sys.path if "site-packages" in path or path.startswith(sys.base_prefix)]
    sys.path[:] = [*environment["PYTHONPATH"].split(os.pathsep), *installed]
    sys.argv = ["snakemake", *arguments]
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    from snakemake.cli import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()
