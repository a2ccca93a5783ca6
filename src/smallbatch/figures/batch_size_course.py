"""The batch size over the course of training, a line for each schedule at its best η̃."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analyse import Results
from smallbatch.figures.chosen import chosen_runs, looks, means
from smallbatch.figures.style import NOTHING_TRAINED, log2_axis, message_figure, set_style
from smallbatch.text import counts_text


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    runs = chosen_runs(results)
    runs = runs[runs["epoch"] > 0]
    if runs.empty:
        return message_figure(NOTHING_TRAINED), runs
    curves = means(runs, "batch_size", ["updates", "smith_g"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.6), layout="constrained")
    for line, look in looks(runs).items():
        one = curves[curves["line"] == line]
        left.plot(one["epoch"], one["mean"], drawstyle="steps-pre", lw=1.7, label=line, **look)
        left.fill_between(
            one["epoch"], one["ci_low"].clip(lower=1), one["ci_high"], step="pre", color=look["color"], alpha=0.15, lw=0
        )
        right.plot(one["epoch"], one["smith_g"], drawstyle="steps-pre", lw=1.7, **look)
    left.set_yscale("log", base=2)
    low, high = curves["mean"].min(), curves["mean"].max()
    log2_axis(left.yaxis, [2.0**k for k in range(17) if low / 2 < 2.0**k < high * 2])
    right.set_yscale("log")
    left.set_ylabel("batch size m (examples per update)")
    right.set_ylabel("noise scale g = ηN / (m (1 − momentum))")
    for axes in (left, right):
        axes.set_xlabel("epochs of examples")
        sns.despine(ax=axes)
    figure.legend(loc="outside right upper", title="schedule, first m", fontsize="small", frameon=False)
    note = (
        f"Means over {counts_text(curves['seeds'])} seeds at the best η̃ of each; bands: 95% t intervals over seeds. "
        "Where a rule chooses m: the mean of an epoch's updates."
    )
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, curves
