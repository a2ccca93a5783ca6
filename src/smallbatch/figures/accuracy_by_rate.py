"""Test accuracy against base learning rate, with a line per batch size and a panel per norm and
budget."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analysis.best import rates, with_failed
from smallbatch.analysis.results import Results
from smallbatch.core.text import budget_text, counts_text
from smallbatch.figures.style import batch_size_color, log2_axis, series_of, set_style


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    cells = with_failed(rates(results.table), results.best)
    cells["panel"] = series_of(cells) + " · " + cells["budget"].map(budget_text)
    cells["test_percent"] = 100 * cells["test_accuracy"]
    sizes = sorted(cells["batch_size"].unique())
    grid = sns.relplot(
        cells,
        x="base_lr",
        y="test_percent",
        hue="batch_size",
        hue_order=sizes,
        palette={m: batch_size_color(m) for m in sizes},
        col="panel",
        col_wrap=min(3, cells["panel"].nunique()),
        kind="line",
        estimator=None,
        marker="o",
        markersize=5,
        markeredgewidth=0,
        height=2.9,
        aspect=1.25,
        facet_kws={"sharex": True, "sharey": True},
    )
    for panel, axes in grid.axes_dict.items():
        here = cells[cells["panel"] == panel]
        for m, line in here.groupby("batch_size"):
            failed = line[line["failed"] > 0]
            axes.plot(
                failed["base_lr"],
                failed["test_percent"],
                "x",
                color=batch_size_color(m),
                ms=9,
                mew=2,
                zorder=5,
            )
        axes.set_xscale("log", base=2)
        log2_axis(axes.xaxis, _every_other(sorted(cells["base_lr"].unique())), rates=True)
    grid.set_titles("{col_name}")
    grid.set_axis_labels("base learning rate η̃ = η/m", "test accuracy (%)")
    grid.legend.set_title("batch size m")
    sns.move_legend(grid, "upper right")  # outside the panels, clear of tick labels
    seeds = counts_text(cells["seeds"])
    grid.figure.text(
        0.01,
        -0.02,
        f"Means over {seeds} seeds. × : a seed diverged, or did not train at an η̃ above the best.",
        fontsize="small",
    )
    columns = [
        "budget",
        "norm",
        "bn_batch_size",
        "batch_size",
        "base_lr",
        "lr",
        "seeds",
        "failed",
        "diverged",
        "untrained",
    ]
    return grid.figure, cells[[*columns, "val_accuracy", "test_accuracy", "train_loss"]]


def _every_other(values: list) -> list:
    return values if len(values) <= 7 else values[::2]
