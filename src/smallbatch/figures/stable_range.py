"""The range of η̃ and of η = η̃·m that trains, against batch size."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from smallbatch.analysis.results import Results
from smallbatch.analysis.stable import stable_ranges
from smallbatch.core.text import budget_text, counts_text
from smallbatch.figures.style import (
    NOTHING_TRAINED,
    log2_axis,
    message_figure,
    series_of,
    set_style,
)


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    ranges = stable_ranges(results.table, results.best)
    if ranges.empty:
        return message_figure(NOTHING_TRAINED), ranges
    ranges["series"] = series_of(ranges) + ", " + ranges["budget"].map(budget_text)
    names = [
        name for name in dict.fromkeys(ranges["series"]) if (ranges["series"] == name).sum() > 1
    ] or list(ranges["series"])
    colors = dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for axes, usual, label in (
        (panels[0], False, "base learning rate η̃ (per example)"),
        (panels[1], True, "learning rate η = η̃·m"),
    ):
        for i, name in enumerate(names):
            line = ranges[ranges["series"] == name].sort_values("batch_size")
            x = line["batch_size"] * 2 ** (0.6 * ((i + 0.5) / len(names) - 0.5))
            scale = line["batch_size"] if usual else 1
            low, high, color = line["low"] * scale, line["high"] * scale, colors[name]
            axes.vlines(
                x, low, high, color=color, lw=2.5, alpha=0.75, label=name if not usual else None
            )
            for values, censored in ((low, line["low_censored"]), (high, line["high_censored"])):
                axes.plot(x[~censored], values[~censored], "_", color=color, ms=6, mew=2)
                axes.plot(
                    x[censored], values[censored], "o", color=color, mfc="white", ms=5, mew=1.5
                )
            axes.plot(x, line["best"] * scale, ".", color="black", ms=5, zorder=5)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        log2_axis(axes.xaxis, ranges["batch_size"].unique())
        shown = pd.concat([ranges["low"], ranges["high"]]) * (
            pd.concat([ranges["batch_size"]] * 2) if usual else 1
        )
        octaves = np.log2([shown.min(), shown.max()])
        log2_axis(axes.yaxis, 2.0 ** np.arange(np.floor(octaves[0]), octaves[1] + 1, 2), rates=True)
        axes.set_xlabel("batch size m (examples per update)")
        axes.set_ylabel(label)
    figure.legend(
        loc="outside upper center", ncols=min(3, len(names)), fontsize="small", frameon=False
    )
    note = (
        f"From the smallest η̃ within 0.5 points of the best validation accuracy to the largest that trains, mean over "
        f"{counts_text(ranges['seeds'])} seeds. Dot: the best. Open end: the grid ends there."
    )
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, ranges.drop(columns="series")
