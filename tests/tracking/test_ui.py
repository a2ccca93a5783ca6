"""The server behind `make ui`: what it starts, and what it answers."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest
from checkout import wait_for
from test_ways import log

ADDRESS = "http://127.0.0.1:5164"


def ask(path: str, content: dict) -> dict:
    """An answer of the interface that the pages of MLflow use."""
    request = urllib.request.Request(
        f"{ADDRESS}/ajax-api/2.0/mlflow/{path}",
        json.dumps(content).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_the_page_starts_its_server_and_no_runner_of_jobs(tmp_path):
    """MLflow starts its runner of jobs in the same moment as the server, and that seven more
    processes later."""
    logged = log(tmp_path / "results", 3)
    command = [
        sys.executable,
        "-m",
        "smallbatch.tracking.ui",
        "--port",
        ADDRESS.rpartition(":")[2],
        "study",
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    with open(tmp_path / "said", "w") as said:
        page = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
    try:
        wait_for(f"{ADDRESS}/health")
        processes = psutil.Process(page.pid).children(recursive=True)
        pids, started = zip(*((one.pid, " ".join(one.cmdline())) for one in processes), strict=True)
        assert any("uvicorn" in line for line in started)
        assert not [line for line in started if "mlflow.server.jobs" in line or "huey" in line]
        runs = ask("runs/search", {"experiment_ids": ["1"]})["runs"]
        assert {run["info"]["run_id"] for run in runs} == set(logged.values())
        os.killpg(page.pid, signal.SIGINT)  # as Ctrl-C does
        assert page.wait(timeout=20) == 130
        assert "Traceback" not in (tmp_path / "said").read_text()
        assert not any(psutil.pid_exists(pid) for pid in pids)
    finally:
        page.terminate()
        page.wait(timeout=20)
