"""MLflow's page with the study's runs in it, in a real browser, as `make ui` opens it."""

import json
import re
import subprocess
import sys

import pytest
from browser import CHROMIUM, chromium
from checkout import wait_for
from mlflow.tracking import MlflowClient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser here: apt-get install -y chromium"),
]
PORT = "5163"


def test_the_first_view_lists_the_runs_links_open_one_and_artifacts_and_comparison_are_shown(
    fresh, tmp_path
):
    """One server, one test: two at once would want the same port."""
    assert fresh.snakemake(hydra="tracking=mlflow grid.norm=[none]").trained == 12
    page = (fresh.results / "tiny" / "report.html").read_text()
    data = json.loads(re.search(r'id="points-data">(.+?)</script>', page, re.S)[1])
    link = (data["base"] + data["rows"][0][-1]).replace(":5000", f":{PORT}")
    command = [sys.executable, "-m", "smallbatch.tracking.ui", "--port", PORT, "tiny"]
    server = subprocess.Popen(
        command,
        cwd=fresh.root,
        env=fresh.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        # the first address that is printed
        view = [server.stdout.readline() for _ in range(2)][1].split()[-1]
        wait_for(f"http://127.0.0.1:{PORT}/health")
        shown = shown_by(view, tmp_path / "view")
        assert "m0008 none 2**-05 s00" in shown and "m0016 none" in shown
        assert f"m{data['rows'][0][0]:04d} none" in shown_by(link, tmp_path / "run")
        assert "report.html" in shown_by(
            f"{run_pages(fresh, 'kind', 'report')[0]}/artifacts", tmp_path / "artifacts"
        )
        ids = [json.dumps(page.rpartition("/")[2]) for page in run_pages(fresh, "m", "0008")[:2]]
        two = f"http://127.0.0.1:{PORT}/#/compare-runs?runs=[{','.join(ids)}]&experiments=[%221%22]"
        assert "Comparing 2 Runs" in shown_by(two.replace('"', "%22"), tmp_path / "compare")
    finally:
        server.terminate()
        server.wait(timeout=20)


def run_pages(checkout, tag: str, value: str) -> list[str]:
    """The addresses of the runs with a tag of this value."""
    runs = MlflowClient(f"sqlite:///{checkout.results}/mlflow.db").search_runs(
        ["1"], f"tags.{tag} = '{value}'"
    )
    return [f"http://127.0.0.1:{PORT}/#/experiments/1/runs/{run.info.run_id}" for run in runs]


def shown_by(address, folder) -> str:
    return chromium(
        folder, "--virtual-time-budget=30000", "--window-size=1500,900", "--dump-dom", address
    ).stdout
