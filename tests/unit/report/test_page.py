"""The page as text: escaping, size, the table of points, figures inside, papers and commands."""

import json
import re
import shlex

import matplotlib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from checkout import REPOSITORY as ROOT
from made import claim as made_claim
from made import table

from smallbatch.analysis.best import best_settings
from smallbatch.analysis.claims.claim import write_claims
from smallbatch.analysis.results import Results
from smallbatch.config.compose import compose
from smallbatch.config.papers import cited, entries, name
from smallbatch.figures.hover import add_titles, name_marks
from smallbatch.figures.names import figures_of
from smallbatch.planning.files import plan_study
from smallbatch.planning.plan import make_plan
from smallbatch.report.build import build_page
from smallbatch.report.commands import command
from smallbatch.report.points import points_data
from smallbatch.report.svg import inline

matplotlib.use("Agg")
RAW = "<script>alert(1)</script>"
STUDIES = [
    "digits",
    "fashion",
    "cifar10-resnet8",
    "schedules-digits",
    "smith-cifar10",
    "ba-sgd-fashion",
]


def results_of(folder, points: pd.DataFrame, study: dict) -> Results:
    """What `build_page` reads, in a folder."""
    images = study["config"]["dataset"]["sizes"]["test"]
    rng = np.random.default_rng(0)
    correct = [
        np.packbits(rng.random(images) < accuracy).tobytes() for accuracy in points["test_accuracy"]
    ]
    pq.write_table(
        pa.table({"point": points["point"].tolist(), "correct": correct}),
        folder / "correct.parquet",
    )
    (folder / "claims.json").write_text("[]")
    (folder / "gaps.csv").write_text("batch_size,norm\n")
    (folder / "cost.json").write_text('{"trained": 0}')
    (folder / "figures").mkdir()
    for figure in figures_of(study):
        (folder / "figures" / f"{figure}.svg").write_text(
            '<svg id="a" width="9pt"><use href="#b"/></svg>'
        )
        (folder / "figures" / f"{figure}.csv").write_text("m\n1\n")
    about = {
        "code": "c",
        "data": "d",
        "commit": "e",
        "versions": "f",
        "processor": "g",
        "engine": "compiled",
    }
    points = points.assign(**about)
    return Results(study, points, best_settings(points), folder)


def study_of(**changes) -> dict:
    plan = plan_study(compose("digits", ["tracking=none"])).study
    return plan | {"claims": [], "papers": []} | changes


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> tuple[str, Results]:
    """A page of 5,000 points."""
    cells = {2.0**k: (0.9 - 0.01 * abs(k + 5), 0.9 - 0.01 * abs(k + 5)) for k in range(-10, 0)}
    parts = [
        table(
            cells, m=2**j, norm=norm, b=2**j if norm == "bn" else None, seeds=25, budget="epochs:10"
        )
        for j in range(1, 11)
        for norm in ("none", "bn")
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["test_accuracy"] = frame["test_accuracy"].clip(upper=1.0)
    assert len(frame) == 5000
    results = results_of(tmp_path_factory.mktemp("large"), frame, study_of())
    return build_page(results), results


def test_a_page_of_5000_points_stays_below_5_megabytes(large):
    page, _ = large
    assert len(page.encode()) < 5_000_000
    data = json.loads(re.search(r'id="points-data">(.+?)</script>', page, re.S)[1])
    assert len(data["rows"]) == 5000 and [one["name"] for one in data["columns"]][:3] == [
        "m",
        "norm",
        "budget",
    ]


def test_names_and_values_with_html_in_them_are_escaped(tmp_path):
    config = study_of()["config"]
    config = json.loads(json.dumps(config)) | {"title": RAW, "description": RAW}
    config["model"]["name"] = RAW
    frame = table(
        {0.1: (0.8, 0.7), 0.2: (0.9, 0.8), 0.4: (0.8, 0.7)}, budget="epochs:10", schedule=RAW
    )
    evil = {
        "title": RAW,
        "description": f'"{RAW}',
        "overrides": [f"title={RAW}"],
        "given": [f"title={RAW}"],
        "config": config,
    }
    page = build_page(results_of(tmp_path, frame, study_of(**evil)))
    assert "alert(1)" in page and RAW not in page
    assert len(re.findall("<script", page)) == 2  # the points, and the page's own program


def test_the_page_refers_to_nothing_outside(large):
    page, _ = large
    links = re.findall(r'(?:src|href)="([^"]{1,100})', page)
    assert links and all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"url\((?!#|data:)", page) and "@import" not in page


def test_points_that_are_not_finite_are_null_and_links_lead_to_their_runs():
    frame = table({0.1: (0.8, 0.7), 2.0**-8: (0.9, 0.8)}, seeds=1).assign(
        train_loss=[np.inf, 1.23456]
    )
    runs = pd.DataFrame(
        {"point": frame["point"], "run_id": ["r1", ""], "experiment_id": ["7", "7"]}
    )
    data = points_data(frame, runs, "http://host:5000/")
    column = [one["name"] for one in data["columns"]].index("training loss")
    assert [row[column] for row in data["rows"]] == [None, 1.235]
    assert [row[-1] for row in data["rows"]] == ["7/runs/r1", None] and data[
        "base"
    ] == "http://host:5000/#/experiments/"
    assert data["rates"] == {"0.00390625": "2**-8", "0.1": "0.1"}
    assert points_data(frame, None, None)["rows"][0][-1] is None


def test_ids_of_figures_in_one_page_are_their_own():
    svg = '<?xml version="1.0"?><svg width="9pt" height="8pt" viewBox="0 0 9 8"><g id="a" clip-path="url(#b)"/><use xlink:href="#c"/></svg>'
    text = inline(svg, "fig", "A &lt;figure&gt;")
    assert text.startswith('<svg viewBox="0 0 9 8" role="img" aria-label="A &lt;figure&gt;">')
    assert 'id="fig-a"' in text and "url(#fig-b)" in text and 'href="#fig-c"' in text


def test_every_mark_of_a_figure_gets_its_values(tmp_path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2, np.nan], [3, 4, 5], "o-", color="C1", label="m = 8")
    axes.plot([1, 2], [1, 2], color="C2")  # no marks
    axes.scatter([5.0], [6.0], color="C3", label="m = 9")
    # the mark alone, not the ends of its bar
    axes.errorbar([7.0], [8.0], [0.5], marker="s", capsize=3)
    axes.set_xlabel("epochs")
    axes.set_ylabel("loss")
    titles = name_marks(figure)
    figure.savefig(tmp_path / "a.svg")
    add_titles(tmp_path / "a.svg", titles)
    svg = (tmp_path / "a.svg").read_text()
    assert sorted(re.findall("<title>(.+?)</title>", svg, re.S)) == [
        "epochs: 7\nloss: 8",
        "m = 8\nepochs: 1\nloss: 3",
        "m = 8\nepochs: 2\nloss: 4",
        "m = 9\nepochs: 5\nloss: 6",
    ]
    plt.close(figure)


@pytest.mark.parametrize("study", STUDIES)
def test_every_claim_and_reported_value_of_the_projects_studies_has_its_source_and_paper(study):
    plan = make_plan(compose(study, []), "code", "data").study
    assert plan["claims"] and plan["papers"]
    for claim in plan["claims"]:
        assert claim["source"] and claim["cite"] in entries()
    for paper in plan["papers"]:
        assert (
            paper["protocol"]
            and paper["differences"]
            and all(one["what"] and one["value"] for one in paper["reported"])
        )
    assert set(cited(plan)) >= {paper["cite"] for paper in plan["papers"]}


def test_claims_and_papers_are_no_part_of_what_a_point_is():
    one = plan_study(compose("digits", []))
    two = plan_study(compose("digits", ["claims.seeds_planned=20", "claims.delta=1", "papers={}"]))
    assert list(one.jobs) == list(two.jobs) and one.study["claims"] != two.study["claims"]


def test_papers_are_named_by_authors_and_year():
    assert (
        name("masters2018") == "Masters & Luschi 2018" and name("smith2018") == "Smith et al. 2018"
    )


def test_a_command_keeps_the_studys_overrides_and_replaces_those_of_the_same_key():
    study = {"study": "mine", "folder": "my conf", "given": ["grid.seeds=3", "title=a b"]}
    words = shlex.split(command(study, "grid.seeds=15", "grid.base_lr_at.m8_none=[2**-9,2**-8]"))
    assert words == [
        "snakemake",
        "--cores",
        "all",
        "--config",
        "study=mine",
        "conf=my conf",
        "hydra='title=a b' grid.seeds=15 grid.base_lr_at.m8_none=[2**-9,2**-8]",
    ]


def test_the_citation_file_names_every_paper_of_the_bibliography():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    titles = {reference["title"].lower() for reference in citation["references"]}
    for key, entry in entries().items():
        assert re.search(r"  title = {(.+?)},\n", entry)[1].lower() in titles, key


def test_a_rate_of_a_batch_size_is_added_to_those_given_and_the_rest_stays_cleared():
    """The command that the report proposes on top of a narrowed study trains nothing else."""
    narrow = ["grid.base_lr=[2**-8..2**-6]"]
    before = plan_study(compose("digits", narrow)).study["points"]
    added = "grid.base_lr_at.m64_none=[2**-9,2**-8,2**-7,2**-6]"
    # at both budgets
    assert plan_study(compose("digits", [*narrow, added])).study["points"] == before + 20


def test_a_claims_statement_has_its_own_numbers():
    (first, *_) = plan_study(compose("digits", ["claims.tests.small-batch.limit=16"])).study[
        "claims"
    ]
    assert first["statement"].endswith("comes from m ≤ 16")


def test_a_claims_heading_says_for_which_data_network_optimizer_and_budget_it_holds(tmp_path):
    frame = table({0.1: (0.8, 0.7), 0.2: (0.9, 0.8), 0.4: (0.8, 0.7)}, budget="epochs:10")
    results = results_of(tmp_path, frame, study_of())
    made = made_claim(
        statistic="x",
        verdict="too small to matter",
        norm="bn",
        budget="epochs:10",
        unit="x",
    )
    write_claims([made], tmp_path / "claims.json")
    page = build_page(results)
    assert "(here: digits, conv, sgd, batch norm, 10 epochs)" in page
    assert '<article class="claim too-small-to-matter">' in page
    assert "0 supported, 1 too small to matter, 0 contradicted, 0 undecided." in page
    assert "too small to matter if it lies within ±0.5 x" in page
