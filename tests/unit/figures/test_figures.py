"""Every figure draws whatever a study holds: these are made-up tables at the edges of what can
be."""

import importlib

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made import IMAGES, claim, measured, table
from test_advice import CONFIG
from test_claims import BASE

from smallbatch.analysis.best import best_settings
from smallbatch.analysis.claims.claim import write_claims
from smallbatch.analysis.claims.judge import judge
from smallbatch.analysis.results import Results
from smallbatch.figures.hover import add_titles, name_marks
from smallbatch.figures.names import FIGURES
from smallbatch.figures.style import accuracy_axis
from smallbatch.report import tables
from smallbatch.report.answer import answer
from smallbatch.report.captions import CAPTIONS
from smallbatch.report.summary import summary

matplotlib.use("Agg")
GOOD = {0.1: (0.8, 0.7), 0.2: (0.9, 0.8), 0.4: (0.5, 0.4)}
STUDIES = {
    "one batch size": [table(GOOD, m=8)],
    "one seed": [table(GOOD, m=8, seeds=1), table(GOOD, m=16, seeds=1)],
    "one rate": [table({0.1: (0.8, 0.7)}, m=8), table({0.1: (0.8, 0.7)}, m=16)],
    "everything diverged": [table({0.1: (0.1, 0.1, "diverged")}, m=m) for m in (8, 16)],
    "ghost norm alone": [table(GOOD, m=m, norm="bn", b=4) for m in (16, 24)],
    "no power of two": [table(GOOD, m=m) for m in (24, 100)]
    + [table(GOOD, m=24, norm="bn", b=b) for b in (3, 24)],
    "two budgets": [table(GOOD, m=8, budget=budget) for budget in ("epochs:1", "updates:5")],
    "schedules": [table(GOOD, m=m, schedule=name) for m in (8, 16) for name in ("decay", "ba-sgd")],
}


@pytest.fixture(scope="module")
def results(request, tmp_path_factory) -> Results:
    tmp_path = tmp_path_factory.mktemp("results")
    points = pd.concat(STUDIES[request.param], ignore_index=True)
    data = measured(points)
    correct = [np.packbits(bits).tobytes() for bits in data.correct(points["point"].tolist())]
    pq.write_table(
        pa.table({"point": points["point"].tolist(), "correct": correct}),
        tmp_path / "correct.parquet",
    )
    claims = [
        BASE | {"test": test, "claim": test}
        for test in ("small-batch", "no-difference", "stable-range")
    ]
    write_claims(judge(claims, data, 10), tmp_path / "claims.json")
    epochs = [
        points.assign(epoch=e, updates=10 * e, examples=80 * e, val_loss=2.0 / (1 + e), smith_g=8.0)
        for e in (0, 1, 2)
    ]
    history = pd.concat(epochs).assign(seconds_alone=lambda frame: 0.01 * frame["updates"])
    told = history["epoch"] > 0 if "schedules" in request.param else False
    history["trace_sigma"] = (8.0 + 0.1 * history["seed"]) / told
    history["gradient_norm2"] = 0.1 + 0.03 * history["seed"]
    history["trace_sigma"] = history["trace_sigma"].replace(np.inf, np.nan)
    history.drop(columns=["norm", "bn_batch_size", "schedule", "budget", "seed"]).to_parquet(
        tmp_path / "history.parquet"
    )
    settings = points[["batch_size", "norm", "bn_batch_size"]].drop_duplicates()
    times = {
        "seconds_update_alone": 0.001,
        "seconds_update_fleet": 0.0001,
        "machine": "a test",
        "step": "update",
    }
    settings.assign(**times).to_csv(tmp_path / "calibration.csv", index=False)
    config = {"evaluation": {"target": None}, "dataset": {"sizes": {"train": 80, "test": IMAGES}}}
    return Results({"config": config}, points, best_settings(points), tmp_path)


@pytest.mark.parametrize("results", STUDIES, indirect=True)
@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_drawn(results, figure, tmp_path):
    drawn, data = importlib.import_module(f"smallbatch.figures.{figure}").draw(results)
    drawn.savefig(tmp_path / "figure.png")
    assert isinstance(data, pd.DataFrame) and (tmp_path / "figure.png").stat().st_size > 3000
    titles = name_marks(drawn)
    drawn.savefig(tmp_path / "figure.svg", bbox_inches="tight")
    add_titles(tmp_path / "figure.svg", titles)
    marks = sum(map(len, titles.values()))
    assert (tmp_path / "figure.svg").read_text().count(
        "<title>"
    ) == marks  # each mark has its values
    plt.close(drawn)


def test_every_figure_has_a_caption():
    assert set(CAPTIONS) == set(FIGURES)


@pytest.mark.parametrize("results", STUDIES, indirect=True)
def test_the_pages_words_and_tables_are_made(results):
    data = measured(results.table)
    assert answer(data) and summary(data, CONFIG, results.claims)
    assert len(tables.settings_table(results.best)) == len(results.best)
    tables.failed_table(results.table, results.best)
    tables.cost_table(results.table)
    tables.rates_table(data)
    if results.best["base_lr"].notna().any():
        assert len(tables.best_table(data)) and len(tables.time_table(data))
        tables.wrong_rates_table(data)


@pytest.mark.parametrize(
    "values", [(84.2, 87.9), (30, 47), (70, 99.2), (97.1, 99.6), (10, 12), (0, 100)]
)
def test_an_accuracy_axis_has_plain_ticks_wherever_the_values_lie(values):
    figure, axes = plt.subplots()
    axes.plot([1, 2], values)
    accuracy_axis(axes.yaxis, min(values))
    figure.canvas.draw()
    low, high = axes.get_ylim()
    shown = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert len(shown) >= 3 and all(label.get_text() for label in axes.get_yticklabels())
    plt.close(figure)


def test_the_lines_of_the_rate_figure_pass_through_their_marks(tmp_path):
    """Interpolation between neighbours passes through all of the marks, the tops of parabolas."""
    cells = {
        m: {2.0**k / m: (0.9 - 0.01 * (k - top) ** 2, 0.8) for k in range(-8, 1)}
        for m, top in ((2, -5.3), (4, -4.2), (8, -3.1), (16, -3.4), (32, -3.2))
    }
    points = pd.concat([table(one, m=m) for m, one in cells.items()], ignore_index=True)
    results = Results({}, points, best_settings(points), tmp_path)
    drawn, data = importlib.import_module("smallbatch.figures.rate_scaling").draw(results)
    marks, _, line = drawn.axes[0].lines
    assert np.log2(marks.get_ydata()) == pytest.approx([-5.3, -4.2, -3.1, -3.4, -3.2])
    assert data["shape"].tolist() == ["neighbours"]
    assert line.get_ydata() == pytest.approx(marks.get_ydata())
    assert line.get_xdata() == pytest.approx(marks.get_xdata())
    plt.close(drawn)


def test_the_figure_of_claims_draws_the_least_effect_and_what_does_not_matter(tmp_path):
    points = table(GOOD)
    parts = [
        claim("a", verdict="too small to matter"),
        claim("b", bounds=[-0.3, 0.3], needs="within"),
    ]
    parts.append(claim("c", bounds=[-0.5], cross_fitted=0.1))
    write_claims(parts, tmp_path / "claims.json")
    results = Results({}, points, best_settings(points), tmp_path)
    drawn, _ = importlib.import_module("smallbatch.figures.claims").draw(results)
    (axes,) = drawn.axes
    dashed = {
        (round(np.mean(line.get_ydata())), line.get_xdata()[0])
        for line in axes.lines
        if line.get_linestyle() == "--"
    }
    assert dashed == {(0, 0.5), (1, -0.3), (1, 0.3), (2, -0.5)}
    shaded = [
        path.get_extents().intervalx.tolist()
        for part in axes.collections
        for path in part.get_paths()
    ]
    assert shaded == [[-0.5, 0.5], [-0.3, 0.3]]
    assert [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"] == [0.1]
    plt.close(drawn)
