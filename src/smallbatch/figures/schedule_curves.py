"""Validation accuracy and training loss of each schedule, against epochs, updates and the training
time of a single model."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from smallbatch.analysis.results import Results
from smallbatch.core.text import counts_text
from smallbatch.figures.chosen import chosen_runs, looks, means, plain_log
from smallbatch.figures.style import NOTHING_TRAINED, accuracy_axis, message_figure, set_style

AGAINST = {
    "epoch": "epochs of examples",
    "updates": "updates",
    "seconds_alone": "time of one model alone (s)",
}
VALUES = {"val_accuracy": "validation accuracy (%)", "train_loss": "training loss (nats)"}


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    runs = chosen_runs(results)
    if runs.empty:
        return message_figure(NOTHING_TRAINED), runs
    runs["val_accuracy"] *= 100
    figure, grid = plt.subplots(
        2, 3, figsize=(13, 7.6), sharex="col", sharey="row", layout="constrained"
    )
    style, data = looks(runs), []
    for row, (value, label) in zip(grid, VALUES.items(), strict=True):
        curves = means(runs, value, ["updates", "seconds_alone"], log=value == "train_loss")
        data.append(curves.assign(value=value))
        for axes, against in zip(row, AGAINST, strict=True):
            for line, look in style.items():
                one = curves[(curves["line"] == line) & (curves["epoch"] > 0)].dropna(
                    subset=[against]
                )
                axes.plot(one[against], one["mean"], label=line, lw=1.6, **look)
                axes.fill_between(
                    one[against],
                    one["ci_low"],
                    one["ci_high"],
                    color=look["color"],
                    alpha=0.1,
                    lw=0,
                )
            if against != "epoch":
                axes.set_xscale("log")
                plain_log(axes.xaxis)
            else:
                axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.set_xlabel(AGAINST[against] if value == "train_loss" else "")
            sns.despine(ax=axes)
        row[0].set_ylabel(label)
    accuracy = data[0][data[0]["epoch"] > 0]
    # Limits follow the means, because intervals over few seeds can be very wide.
    low, high = accuracy["mean"].min(), accuracy["mean"].max()
    grid[0, 0].set_ylim(max(0, low - 3), min(100, high + 0.4 * (100 - high)))
    loss = data[1][data[1]["epoch"] > 0]["mean"].dropna()
    if len(loss):
        grid[1, 0].set_ylim(loss.min() / 1.3, loss.max() * 1.3)
    accuracy_axis(grid[0, 0].yaxis, accuracy["mean"].quantile(0.05))
    for axes in grid[1]:
        axes.set_yscale("log")
        plain_log(axes.yaxis)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside right upper",
        title="schedule, first m",
        fontsize="small",
        frameon=False,
    )
    note = (
        f"Means over {counts_text(accuracy['seeds'])} seeds at the best η̃ of each, chosen on validation data; "
        "bands: 95% t intervals over seeds, these images only.\nTraining loss: a full pass at epoch ends; geometric means."
    )
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, pd.concat(data, ignore_index=True)
