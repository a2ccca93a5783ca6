"""Comparison of schedules: accuracy at the best η̃ and cost of each."""

import pandas as pd

from smallbatch.analysis.best import SETTING
from smallbatch.analysis.measured import Measured, compare
from smallbatch.analysis.phrases import interval, percent, points, told
from smallbatch.core.rates import rate_text
from smallbatch.core.text import count_text, norm_text

COLUMNS = ["updates", "examples", "flops", "seconds_alone"]


def with_spent(table: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """`best` with the cost of its points (mean over seeds)."""
    chosen = table.merge(
        best.dropna(subset=["base_lr"])[[*SETTING, "base_lr"]], on=[*SETTING, "base_lr"]
    )
    means = chosen.groupby(SETTING, dropna=False, sort=False)[COLUMNS].mean().reset_index()
    return best.merge(means, on=SETTING, how="left")


def schedule_sentences(data: Measured, rows: pd.DataFrame) -> list[str]:
    """Compare every other schedule with the study's first one, paired by seed.

    If the first schedule has several batch sizes, the same batch sizes are compared.
    """
    rows = with_spent(data.table, rows)
    first = rows.iloc[0]["schedule"]
    ours = rows[rows["schedule"] == first]
    sentences = []
    for _, reference in ours.iterrows():
        same = rows[(rows["norm"] == reference["norm"]) & (rows["schedule"] != first)]
        alone = len(ours["batch_size"].unique()) == 1
        same = same if alone else same[same["batch_size"] == reference["batch_size"]]
        parts = []
        for _, row in same.iterrows():
            gap = compare(data, row, reference)
            spent = f"{percent(row)} after {count_text(round(row['updates']), 'update')}, training loss {row['train_loss']:.3g}"
            parts.append(
                f"{row['schedule']} (m = {row['batch_size']}) {spent}: {points(gap)}, {told(gap, 'more', 'less')}"
            )
        if parts:
            spent = f"after {count_text(round(reference['updates']), 'update')}, training loss {reference['train_loss']:.3g}"
            sentences.append(
                f"Against {first} (m = {reference['batch_size']}) with {interval(reference)} {spent}:"
            )
            sentences += [f"{part}." for part in parts]
    return sentences


def schedules_table(table: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """A table for the report: one row per schedule, norm and first batch size, at its best η̃."""
    rows = with_spent(table, best).dropna(subset=["base_lr"])
    return pd.DataFrame(
        {
            "schedule": rows["schedule"],
            "norm": [
                norm_text(*key)
                for key in zip(rows["norm"], rows["bn_batch_size"], rows["batch_size"], strict=True)
            ],
            "first m": rows["batch_size"],
            "best η̃": rows["base_lr"].map(rate_text),
            "updates": rows["updates"].map("{:,.0f}".format),
            "examples": rows["examples"].map("{:,.0f}".format),
            "10⁹ operations": (rows["flops"] / 1e9).map("{:,.3g}".format),
            "seconds alone": rows["seconds_alone"].map("{:,.2f}".format),
            "training loss": rows["train_loss"].map("{:.3g}".format),
            "test (%)": (100 * rows["test_accuracy"]).map("{:.2f}".format),
        }
    )
