"""The default study as `make report` leaves it: what a newcomer gets, beside the committed
reference."""

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from browser import CHROMIUM, ask, console_and_requests
from checkout import REPOSITORY, Checkout, snakemake
from report_page import Page

from smallbatch.analysis.claims.claim import read_claims
from smallbatch.figures.names import FORMATS, figures_of

pytestmark = pytest.mark.slow
REFERENCE = REPOSITORY / "results" / "reference" / "digits"
TABLES = {
    "table.parquet",
    "history.parquet",
    "correct.parquet",
    "gaps.csv",
    "cost.json",
    "study.json",
    "calibration.csv",
}


def folder(checkout: Checkout) -> Path:
    return checkout.results / "digits"


def without_commit(content: bytes) -> bytes:
    """A page says which commit it was built at; a copy of the source tree has none."""
    return re.sub(
        rb"git commit.{0,40}?(unknown|[0-9a-f]{7,40}( \(dirty\))?)", b"", content, flags=re.S
    )


def test_it_ends_with_a_report_and_every_figure_in_four_formats(default_study):
    study = json.loads((folder(default_study) / "study.json").read_text())
    names = figures_of(study)
    assert study["points"] == 2040 and len(names) == 10
    for name in names:
        for kind in FORMATS:
            assert (folder(default_study) / "figures" / f"{name}.{kind}").stat().st_size > 20, (
                f"{name}.{kind}"
            )
    assert (folder(default_study) / "report.html").stat().st_size > 500_000


@pytest.mark.parametrize("name", ["best.csv", "claims.json"])
def test_what_it_finds_is_the_committed_reference_to_the_last_digit(default_study, name):
    found, reference = (
        (place / name).read_text().splitlines() for place in (folder(default_study), REFERENCE)
    )
    differ = [
        f"{one.strip()}  (reference: {two.strip()})"
        for one, two in zip(found, reference, strict=False)
        if one != two
    ]
    assert not differ and len(found) == len(reference), "\n".join(differ)


def test_a_second_run_has_nothing_to_do(default_study):
    assert "Nothing to be done" in default_study.run([snakemake(), "--cores", "2"]).output


def test_the_page_names_every_claim_with_its_verdict_and_shows_no_missing_value(default_study):
    page = Page(folder(default_study) / "report.html")
    claims = read_claims(folder(default_study) / "claims.json")
    assert len(claims) == 10 and any(claim.norm is None for claim in claims)
    for claim in claims:
        assert f"{claim.verdict} {claim.statement}" in page.text, claim.claim
    assert not page.slips and len(page.figures) == 10


@pytest.mark.skipif(CHROMIUM is None, reason="no browser here: apt-get install -y chromium")
def test_the_page_opens_in_a_browser_without_a_network_and_every_mark_has_its_values(
    default_study, tmp_path
):
    page = folder(default_study) / "report.html"
    assert console_and_requests(f"file://{page}", tmp_path) == ([], [])
    script = "[...document.querySelectorAll('figure')].map((one) => [one.id, one.querySelectorAll('use title').length])"
    marks = dict(ask(page, tmp_path, script))
    assert len(marks) == 10 and all(
        number > 0 for name, number in marks.items() if name != "rate_heat_map"
    )


def test_every_point_is_a_run_in_mlflow_with_the_accuracy_of_the_table(default_study):
    table = pd.read_parquet(folder(default_study) / "table.parquet").set_index("point")[
        "test_accuracy"
    ]
    query = (
        "select tags.value, latest_metrics.value from tags join runs on runs.run_uuid = tags.run_uuid "
        "join latest_metrics on latest_metrics.run_uuid = tags.run_uuid "
        "where tags.key = 'point' and latest_metrics.key = 'test_accuracy' and runs.lifecycle_stage = 'active' "
        "and latest_metrics.is_nan = 0"
    )
    database = sqlite3.connect(f"file:{default_study.results / 'mlflow.db'}?mode=ro", uri=True)
    tracked = dict(database.execute(query).fetchall())
    database.close()
    assert len(tracked) == len(table) == 2040
    completed = pd.read_parquet(folder(default_study) / "table.parquet").query(
        "status == 'completed'"
    )["point"]
    assert all(tracked[point] == table[point] for point in completed)


def test_all_but_the_tables_is_made_again_byte_for_byte(default_study, tmp_path):
    checkout = default_study.copy(tmp_path / "copy")
    shutil.rmtree(checkout.results / "drawn")
    before = {}
    for path in sorted(folder(checkout).rglob("*")):
        kept = path.name in TABLES or path.name.startswith(("mlflow", "."))
        if path.is_file() and not kept:
            before[path] = path.read_bytes()
            path.unlink()
    shutil.rmtree(folder(checkout) / "figures")
    run = checkout.run([snakemake(), "--cores", "2", "report"])
    assert run.trained == 0 and run.jobs == {"analyse": 1, "draw": 1, "page": 1, "report": 1}
    # A PDF holds names that its writer draws at random; the page has the times of its own making
    # nowhere.
    differ = [
        path.name
        for path, content in before.items()
        if path.suffix != ".pdf" and without_commit(path.read_bytes()) != without_commit(content)
    ]
    assert not differ and len(before) > 40


def test_the_study_compared_with_itself_and_with_another_verdict(default_study, tmp_path):
    shutil.copytree(folder(default_study), tmp_path / "before")
    compare = ("-m", "smallbatch.compare", str(tmp_path / "before"), "results/digits")
    assert "Nothing differs but measured times." in default_study.python(*compare).output
    path = tmp_path / "before" / "claims.json"
    path.write_text(
        path.read_text().replace('"verdict": "supported"', '"verdict": "contradicted"', 1)
    )
    other = default_study.python(*compare, check=False)
    assert (
        other.status == 1 and "contradicted: +" in other.output and "supported: +" in other.output
    )
