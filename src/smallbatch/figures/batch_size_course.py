"""The batch size over the course of training, with a line per schedule at its best η̃."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from smallbatch.analysis.results import Results
from smallbatch.core.text import counts_text
from smallbatch.figures.chosen import chosen_runs, looks, means
from smallbatch.figures.style import NOTHING_TRAINED, log2_axis, message_figure, set_style


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    runs = chosen_runs(results)
    runs = runs[runs["epoch"] > 0]
    if runs.empty:
        return message_figure(NOTHING_TRAINED), runs
    curves = means(runs, "batch_size", ["updates", "smith_g"], log=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.6), layout="constrained")
    for line, look in looks(runs).items():
        one = curves[curves["line"] == line]
        one = pd.concat([one.head(1).assign(epoch=0), one])  # start the first epoch at 0
        left.plot(one["epoch"], one["mean"], drawstyle="steps-pre", lw=1.7, label=line, **look)
        left.fill_between(
            one["epoch"],
            one["ci_low"],
            one["ci_high"],
            step="pre",
            color=look["color"],
            alpha=0.1,
            lw=0,
        )
        right.plot(one["epoch"], one["smith_g"], drawstyle="steps-pre", lw=1.7, **look)
    left.set_yscale("log", base=2)
    low, high = curves["mean"].min(), curves["mean"].max()
    left.set_ylim(low / 1.5, high * 1.5)
    log2_axis(left.yaxis, [2.0**k for k in range(17) if low / 1.5 < 2.0**k < high * 1.5])
    right.set_yscale("log")
    highest = curves["smith_g"].max()
    if np.isfinite(highest):  # limit the range: a cosine ends near zero
        right.set_ylim(max(curves["smith_g"].min(), highest / 1e4) / 1.5, highest * 1.5)
    left.set_ylabel("batch size m (examples per update)")
    right.set_ylabel("noise scale g = ηN / (m (1 − momentum))")
    for axes in (left, right):
        axes.set_xlabel("epochs of examples")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        sns.despine(ax=axes)
    figure.legend(
        loc="outside right upper", title="schedule, first m", fontsize="small", frameon=False
    )
    note = (
        f"Geometric means over {counts_text(curves['seeds'])} seeds at the best η̃ of each; bands: 95% t intervals over seeds. "
        "Where a rule chooses m: the mean of an epoch's updates."
    )
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, curves
