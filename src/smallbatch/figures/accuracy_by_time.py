"""Test accuracy against the training time of a single model, for every setting at its best η̃,
with the front."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analysis.advice import time_front
from smallbatch.analysis.measured import Measured
from smallbatch.analysis.results import Results
from smallbatch.core.text import budget_text, counts_text
from smallbatch.figures.chosen import plain_log
from smallbatch.figures.style import (
    accuracy_axis,
    batch_size_color,
    message_figure,
    series_of,
    set_style,
)

MARKERS = "osD^vPX*"


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    front = time_front(Measured(results.table, results.best, [], results.correct))
    if front.empty:
        return message_figure("No setting trained with every seed and a known time."), front
    several = front["budget"].nunique() > 1
    front["series"] = series_of(front) + (
        ", " + front["budget"].map(budget_text) if several else ""
    )
    names = list(dict.fromkeys(front["series"]))
    figure, axes = plt.subplots(figsize=(8.6, 5), layout="constrained")
    best = front[front["front"]]
    axes.plot(
        best["seconds_alone"],
        100 * best["test_accuracy"],
        drawstyle="steps-post",
        color="0.55",
        lw=1.4,
        zorder=1,
    )
    for i, name in enumerate(names):
        marker = MARKERS[i % len(MARKERS)]
        for m, one in front[front["series"] == name].groupby("batch_size"):
            axes.plot(
                one["seconds_alone"],
                100 * one["test_accuracy"],
                marker,
                color=batch_size_color(m),
                ms=7.5,
                ls="none",
                mec="white",
                mew=0.7,
                zorder=3,
                label=f"m = {m}, {name}",
            )
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    accuracy_axis(axes.yaxis, 100 * front["test_accuracy"].min())
    axes.set_xlabel("time of one model alone on this machine (s)")
    axes.set_ylabel("test accuracy (%)")
    sizes = sorted(front["batch_size"].unique())
    handles = [
        plt.Line2D([], [], color=batch_size_color(m), marker="o", ls="none", ms=7, label=f"m = {m}")
        for m in sizes
    ]
    handles += [
        plt.Line2D(
            [], [], color="0.4", marker=MARKERS[i % len(MARKERS)], ls="none", ms=7, label=name
        )
        for i, name in enumerate(names)
    ]
    figure.legend(handles=handles, loc="outside right upper", fontsize="small", frameon=False)
    note = f"Means over {counts_text(front['seeds'])} seeds at the best η̃ of each. Line: steps to a slower setting where it is significantly better."
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    sns.despine(ax=axes)
    return figure, front.drop(columns="series")
