"""Validation loss during training at the best η̃ of each batch size, against examples and
updates."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.ticker import FuncFormatter, NullFormatter

from smallbatch.analysis.best import SETTING, whole_batch
from smallbatch.analysis.results import Results
from smallbatch.core.text import budget_text, counts_text
from smallbatch.figures.style import (
    NOTHING_TRAINED,
    batch_size_color,
    message_figure,
    series_of,
    set_style,
)


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    best = results.best.dropna(subset=["base_lr"])
    chosen = results.table.merge(best[[*SETTING, "base_lr"]], on=[*SETTING, "base_lr"])
    curves = results.history.merge(
        chosen[["point", "norm", "bn_batch_size", "schedule", "budget"]], on="point"
    )
    if curves.empty:
        return message_figure(NOTHING_TRAINED), curves
    whole = whole_batch(curves)
    curves = curves if whole.empty else whole
    curves["panel"] = series_of(curves) + " · " + curves["budget"].map(budget_text)
    keys = ["panel", "budget", "norm", "batch_size", "epoch", "updates", "examples"]
    panels = [
        p
        for p in dict.fromkeys(series_of(best) + " · " + best["budget"].map(budget_text))
        if p in set(curves["panel"])
    ]
    means = curves.groupby(keys, sort=False)["val_loss"].agg(["mean", "std", "count"]).reset_index()
    sizes = sorted(means["batch_size"].unique())
    both = pd.concat(
        [
            means[means["epoch"] > 0].assign(against=against, x=means[against])
            for against in ("examples", "updates")
        ]
    )
    grid = sns.relplot(
        both,
        x="x",
        y="mean",
        hue="batch_size",
        hue_order=sizes,
        palette={m: batch_size_color(m) for m in sizes},
        row="panel",
        row_order=panels,
        col="against",
        kind="line",
        marker="o",
        markersize=3,
        markeredgewidth=0,
        height=2.7,
        aspect=1.7,
        lw=1.7,
        estimator=None,
        facet_kws={"sharex": "col", "sharey": True},
    )
    grid.set(xscale="log", yscale="log")
    grid.set_titles("{row_name}")
    for column, label in enumerate(("training examples seen", "updates")):
        grid.axes[-1, column].set_xlabel(label)
    plain = FuncFormatter(lambda value, _: f"{value:,g}")
    for axes in grid.axes.flat:
        axes.xaxis.set_major_formatter(plain)
        axes.yaxis.set_major_formatter(plain)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
    grid.set_ylabels("validation loss (nats)")
    grid.legend.set_title("batch size m")
    note = f"Means over {counts_text(means['count'])} seeds at the best η̃ of each m, at epoch ends; running statistics."
    grid.figure.text(0.01, -0.01, note, fontsize="small", va="top")
    return grid.figure, means
