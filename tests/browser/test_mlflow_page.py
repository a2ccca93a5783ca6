"""MLflow's page with the study's runs in it, in a real browser, as `make ui` opens it."""

import subprocess
import sys
import time
import urllib.request

import pytest
from browser import CHROMIUM, chromium
from checkout import new_checkout

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser here: apt-get install -y chromium"),
]
PORT = "5163"


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    made = new_checkout(tmp_path_factory.mktemp("tracked_page") / "smallbatch")
    assert made.snakemake(hydra="tracking=mlflow grid.norm=[none]").trained == 12
    return made


@pytest.fixture(scope="module")
def address(tracked):
    """The first address that the command prints."""
    command = [sys.executable, "-m", "smallbatch.ui", "--port", PORT, "tiny"]
    server = subprocess.Popen(
        command, cwd=tracked.root, env=tracked.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        lines = [server.stdout.readline() for _ in range(2)]
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield lines[1].split()[-1]
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_the_first_view_lists_the_runs(address, tmp_path):
    dom = chromium(tmp_path, "--virtual-time-budget=30000", "--window-size=1500,900", "--dump-dom", address).stdout
    assert "m0008 none 2**-05 s00" in dom and "m0016 none" in dom


def test_a_link_in_the_table_of_points_opens_its_run(tracked, address, tmp_path):
    import json
    import re

    page = (tracked.results / "tiny" / "report.html").read_text()
    data = json.loads(re.search(r'id="points-data">(.+?)</script>', page, re.S)[1])
    link = (data["base"] + data["rows"][0][-1]).replace(":5000", f":{PORT}")
    dom = chromium(tmp_path, "--virtual-time-budget=30000", "--window-size=1500,900", "--dump-dom", link).stdout
    assert f"m{data['rows'][0][0]:04d} none" in dom
