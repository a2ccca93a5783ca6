"""Schedules through the workflow: a study of several, its tables and figures."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from checkout import Checkout, new_checkout

pytestmark = pytest.mark.slow
STUDY = "tiny-schedules"


@pytest.fixture(scope="module")
def scheduled(bytecode, made_once):
    def make(folder):
        assert new_checkout(folder).snakemake(study=STUDY).trained == 20

    return Checkout(made_once("scheduled", make))


def tables(checkout):
    folder = checkout.results / STUDY
    return pd.read_parquet(folder / "table.parquet"), pd.read_parquet(folder / "history.parquet")


def test_a_study_of_several_schedules_has_a_row_for_each_and_what_each_spent(scheduled):
    table, history = tables(scheduled)
    assert table.groupby("schedule").size().to_dict() == dict.fromkeys(
        ["ba", "decay", "increase", "noise", "warmup"], 4
    )
    spent = table.groupby("schedule")["examples"].first()
    assert (
        spent.drop("increase").eq(3 * 1024).all() and 3 * 1024 - 256 < spent["increase"] <= 3 * 1024
    )
    assert set(table["engine"]) == {"compiled"}
    updates = table.groupby("schedule")["updates"].first()
    assert updates["decay"] == updates["warmup"] == 384 and 100 < updates["increase"] < 384
    assert (table["flops"] / table["examples"]).nunique() == 1 and table["flops"].iloc[
        0
    ] > 3072 * 100_000
    joined = history.merge(table[["point", "schedule", "base_lr"]], on="point")
    by_epoch = (
        joined[joined["epoch"] > 0].groupby(["schedule", "epoch"])["batch_size"].mean().unstack()
    )
    # 8, then at 30%, 60% and 80% of the budget
    assert by_epoch.loc["increase"].tolist() == [
        32,
        128,
        256,
    ]
    assert by_epoch.loc["decay"].tolist() == [8, 8, 8] and by_epoch.loc["noise"].max() > 8


def test_smiths_noise_scale_is_the_same_whether_the_rate_falls_or_the_batch_grows(scheduled):
    """With a factor of 4 beside one of 0.1 the start alone is alike: εN/B, here 2^-8·8·1024/8 =
    4."""
    table, history = tables(scheduled)
    joined = history.merge(table[["point", "schedule", "base_lr"]], on="point")
    first = (
        joined[(joined["base_lr"] == 2.0**-8) & (joined["epoch"] == 1)]
        .groupby("schedule")["smith_g"]
        .first()
    )
    assert first["decay"] == 4.0 / 1 and first["increase"] == 4.0 / 4
    ba = joined[(joined["schedule"] == "ba") & (joined["epoch"] == 1)].iloc[0]
    assert ba["smith_g"] == pytest.approx(ba["lr"] * 1024 / ((1 - 0.9) * ba["batch_size"]), rel=0.2)
    assert joined.loc[joined["epoch"] == 0, "smith_g"].isna().all()


def test_the_noise_scale_is_measured_at_the_end_of_every_epoch(scheduled):
    _, history = tables(scheduled)
    measured = history[history["epoch"] > 0]
    assert (
        measured[["b_simple", "b_simple_low", "b_simple_high", "trace_sigma", "gradient_norm2"]]
        .notna()
        .all(axis=None)
    )
    assert (measured["trace_sigma"] > 0).all() and (
        measured["b_simple_low"] <= measured["b_simple"]
    ).all()
    assert history.loc[history["epoch"] == 0, "trace_sigma"].isna().all()
    assert (measured["seconds_alone"] > 0).all()


def test_the_report_has_the_figures_of_schedules(scheduled):
    page = (scheduled.results / STUDY / "report.html").read_text()
    figures = {path.stem for path in (scheduled.results / STUDY / "figures").glob("*.svg")}
    wanted = {"schedule_curves", "updates_to_target", "batch_size_course", "noise_scale"}
    assert wanted < figures and "bn_batch_size" not in figures
    assert all(f'id="{name}"' in page or name in page for name in wanted)


def test_another_name_for_a_schedule_trains_nothing(scheduled, tmp_path):
    """A schedule's name is the study's, its content the point's."""
    checkout = scheduled.copy(tmp_path / "copy")
    run = checkout.snakemake(
        "table",
        study=STUDY,
        hydra="+schedules.again=${schedules.decay} grid.schedule=[again,warmup]",
    )
    assert run.trained == 0
    assert set(
        pq.read_table(checkout.results / STUDY / "table.parquet")["schedule"].to_pylist()
    ) == {"again", "warmup"}
    assert json.loads((checkout.results / STUDY / "study.json").read_text())["points"] == 8


def test_what_schedules_cost_is_told_before(scheduled, tmp_path):
    run = scheduled.copy(tmp_path / "copy").snakemake("plan", study=STUDY, hydra="grid.seeds=3")
    assert "of them to train" in run.output and "not measured" not in run.output


def test_claims_about_schedules_are_decided_from_what_they_reached_and_spent(scheduled):
    found = {
        one["claim"]: one
        for one in json.loads((scheduled.results / STUDY / "claims.json").read_text())
    }
    assert "fewer updates" in found["increase"]["needs"] and "updates" in found["increase"]["found"]
    assert found["ba"]["unit"] == "of log loss" and found["ba"]["estimate"] is not None
