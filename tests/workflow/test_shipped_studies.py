"""Every study of conf/study/, in miniature, from its data to a report that opens. The default study
is run as it is (`test_default_study.py`)."""

import json
import os

import pandas as pd
import pyarrow.parquet as pq
import pytest
from browser import CHROMIUM, console_and_requests
from checkout import REPOSITORY, snakemake
from miniature import miniature
from report_page import Page

from smallbatch.analysis.claims.verdict import VERDICTS
from smallbatch.config.compose import compose
from smallbatch.figures.names import figures_of
from smallbatch.planning.grid import expand

pytestmark = pytest.mark.slow
STUDIES = sorted(path.stem for path in (REPOSITORY / "conf" / "study").glob("*.yaml"))


@pytest.mark.parametrize("study", [study for study in STUDIES if study != "digits"])
def test_a_shipped_study_runs_to_a_report_that_opens(study, fresh, tmp_path, request):
    overrides = [*miniature(study), *mirror(study, request), "tracking=none"]
    command = [
        snakemake(),
        "--cores",
        "1",
        "--config",
        f"study={study}",
        f"hydra={' '.join(overrides)}",
    ]
    run = fresh.forked(command)
    folder = fresh.results / study
    plan = json.loads((folder / "study.json").read_text())
    assert run.trained == plan["points"] == pq.read_table(folder / "table.parquet").num_rows > 0
    assert len(pd.read_csv(folder / "best.csv")) == sum(
        len(budget["settings"]) for budget in plan["budgets"]
    )
    claims = json.loads((folder / "claims.json").read_text())
    assert [claim["claim"] for claim in claims] == [claim["claim"] for claim in plan["claims"]]
    assert {claim["verdict"] for claim in claims} <= set(VERDICTS)
    figures = figures_of(plan)
    files = {f"{figure}.{kind}" for figure in figures for kind in ("svg", "png", "pdf", "csv")}
    assert files <= {path.name for path in (folder / "figures").iterdir() if path.stat().st_size}
    page = Page(folder / "report.html")
    assert page.figures == figures
    assert all(
        claim["statement"] in page.text and claim["verdict"] in page.text for claim in claims
    )
    assert not page.slips
    if CHROMIUM:
        assert console_and_requests(f"file://{page.path}", tmp_path) == ([], [])
    again = fresh.forked(command)
    assert not again.jobs and not again.trained


@pytest.mark.parametrize("study", STUDIES)
def test_a_miniature_keeps_what_its_study_is_made_of(study):
    whole, small = compose(study, []), compose(study, miniature(study))
    assert {key for key in whole if whole[key] != small[key]} <= {
        "overrides",
        "given",
        "dataset",
        "model",
        "grid",
        "claims",
        "papers",
        "training",
    }
    for key in ("schedule", "scaling"):
        assert small["grid"][key] == whole["grid"][key]
    assert {row["path"] for row in expand(small)} == {row["path"] for row in expand(whole)}
    assert {(row["schedule"], row["norm"]) for row in expand(small)} == {
        (row["schedule"], row["norm"]) for row in expand(whole)
    }
    assert {len(row["base_lr"]) for row in expand(small)} == {2}
    assert list(small["claims"]["tests"]) == list(whole["claims"]["tests"])
    assert list(small["papers"]) == list(whole["papers"])


@pytest.mark.parametrize(
    "slip",
    ["<td>nan</td>", "η̃ = None,", '<svg aria-label="m = NaN"></svg>', "<title>&lt;NA&gt;</title>"],
)
def test_a_slip_on_a_page_would_be_seen(tmp_path, slip):
    """The test above can fail: scripts are no text, and norm none is a word."""
    page = tmp_path / "page.html"
    page.write_text(
        "<script>let a = NaN</script><style>nan</style><figure id='one'></figure><p>norm none, nano, Nancy"
    )
    assert not Page(page).slips and Page(page).figures == ["one"]
    page.write_text(page.read_text() + slip)
    assert len(Page(page).slips) == 1


def mirror(study: str, request) -> list[str]:
    """Where the files of a study's data set are, if it needs any."""
    dataset = compose(study, [])["dataset"]
    if not dataset.get("download"):
        return []
    folder = os.environ.get("SMALLBATCH_MIRROR")
    if not folder:
        pytest.skip("SMALLBATCH_MIRROR names no folder with the official files")
    return [
        f"dataset.mirror={request.getfixturevalue('cifar10') if dataset['name'] == 'cifar10' else folder}"
    ]
