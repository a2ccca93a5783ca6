"""Start the MLflow UI: ``python -m smallbatch.tracking.ui [--port 5000] [STUDY]`` starts MLflow on
results/mlflow.db."""

import argparse
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from smallbatch.core.errors import UserError, main_errors
from smallbatch.tracking.runs import ARTIFACTS, DATABASE

RESULTS = Path("results")
PATIENCE = 5  # seconds that the server may take to end
TITLES = {
    "best": "runs, the most accurate first",
    "diverged": "runs that diverged",
    "untrained": "runs that stayed untrained",
    "report": "report and figures",
}


def experiments(database: Path) -> dict[str, int]:
    """``{study: experiment id}`` of a tracking database; raises UserError if it is missing or
    damaged."""
    if not database.is_file():
        raise UserError(f"{database}: nothing is tracked yet; run snakemake --cores all first")
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        ) as connection:
            rows = connection.execute(
                "select e.name, e.experiment_id from experiments e where e.lifecycle_stage = 'active' "
                "and exists (select 1 from runs r where r.experiment_id = e.experiment_id)"
            ).fetchall()
    except sqlite3.Error as error:
        raise UserError(
            f"{database}: damaged ({error}); delete it and run snakemake track, which writes it again"
        ) from error
    return dict(rows)


def address(port: int, experiment: int, view: str) -> str:
    """The URL of a study's runs in one of the views of `runs.py`."""
    return f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={view}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("study", nargs="?", help="print the address of this study first")
    parser.add_argument("--port", type=int, default=5000)
    arguments = parser.parse_args()
    with main_errors():
        if arguments.study and "=" in arguments.study:
            raise UserError(
                f"{arguments.study}: write the name of the study alone: {arguments.study.partition('=')[2]}"
            )
        if not 1 <= arguments.port <= 65535:
            raise UserError(f"--port {arguments.port}: a port is a number between 1 and 65535")
        RESULTS.mkdir(exist_ok=True)
        with FileLock(RESULTS / f".{DATABASE}.lock"):  # not while a job makes the database
            found = experiments(RESULTS / DATABASE)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", arguments.port))
            except OSError as error:
                raise UserError(
                    f"port {arguments.port} is in use, or not yours to open ({error.strerror}); "
                    f"run make ui PORT={arguments.port + 1}"
                ) from error
        if arguments.study and arguments.study not in found:
            print(f"study {arguments.study}: none of its runs is tracked yet")
        for study in sorted(found, key=lambda study: (study != arguments.study, study)):
            print(f"study {study}")
            for view, title in TITLES.items():
                print(f"  {title:<32} {address(arguments.port, found[study], view)}")
        print(
            f"From another computer: ssh -L {arguments.port}:127.0.0.1:{arguments.port} THIS_COMPUTER there, "
            "then the same addresses."
        )
        print("Ctrl-C stops the server.", flush=True)
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # Disable MLflow's job runner (scoring by language models, for example), which the pages of
        # runs do not need: eight processes of 240 MB, and a folder that remains in /dev/shm.
        os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        server = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(arguments.port),
        ]
        server += [
            "--backend-store-uri",
            f"sqlite:///{(RESULTS / DATABASE).resolve()}",
            "--serve-artifacts",
        ]
        server += [
            "--artifacts-destination",
            str((RESULTS / ARTIFACTS).resolve()),
            "--workers",
            "1",
        ]
        sys.exit(_serve(server))


def _serve(command: list[str]) -> int:
    """Run the server until it ends, or this process is told to; returns the exit status.

    It has a session of its own: Ctrl-C would reach each of its processes, and they print tracebacks.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(number, signal.default_int_handler)
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:  # it waits for a page that is open
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


if __name__ == "__main__":
    main()
