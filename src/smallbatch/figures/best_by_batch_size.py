"""Test accuracy of the best base learning rate against batch size, with a line per norm and
budget."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.lines import Line2D

from smallbatch.analysis.results import Results
from smallbatch.core.text import budget_text, counts_text
from smallbatch.figures.style import (
    NOTHING_TRAINED,
    accuracy_axis,
    log2_axis,
    message_figure,
    series_of,
    set_style,
)

MARKERS = "osD^vPX*"


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    best = results.best
    several = best["budget"].nunique() > 1
    data = best.assign(
        series=series_of(best) + (", " + best["budget"].map(budget_text) if several else "")
    )
    drawn = data.dropna(subset=["test_accuracy"])
    if drawn.empty:
        return message_figure(NOTHING_TRAINED), data
    names = list(dict.fromkeys(drawn["series"]))
    colors = dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(8.2, 6.6), sharex=True, height_ratios=[2.2, 1], layout="constrained"
    )
    handles = []
    for i, name in enumerate(names):
        line = drawn[drawn["series"] == name].sort_values("batch_size")
        # Shift the lines so that their intervals do not overlap.
        shift = 2 ** (0.35 * ((i + 0.5) / len(names) - 0.5))
        x, y = line["batch_size"] * shift, 100 * line["test_accuracy"]
        spread = 100 * pd.concat(
            [line["test_accuracy"] - line["ci_low"], line["ci_high"] - line["test_accuracy"]],
            axis=1,
        )
        color, marker = colors[name], MARKERS[i % len(MARKERS)]
        top.errorbar(x, y, spread.T.to_numpy(), color=color, lw=1.6, elinewidth=1.2, capsize=2.5)
        handles.append(Line2D([], [], color=color, marker=marker, ms=6.5, lw=1.6, label=name))
        bottom.plot(x, line["base_lr"], color=color, lw=1.6)
        for axes, values in ((top, y), (bottom, line["base_lr"])):
            for filled in (True, False):
                chosen = line["edge"] != filled
                face = color if filled else "white"
                axes.plot(
                    x[chosen],
                    values[chosen],
                    marker,
                    color=color,
                    mfc=face,
                    mew=1.5,
                    ms=6.5,
                    ls="none",
                    zorder=4,
                )
    top.set_ylabel("test accuracy (%)")
    top.legend(
        handles=handles,
        title="best η̃ of each, chosen on validation data",
        fontsize="small",
        title_fontsize="small",
    )
    bottom.set_yscale("log", base=2)
    log2_axis(bottom.yaxis, sorted(drawn["base_lr"].unique())[::2], rates=True)
    bottom.margins(y=0.12)
    bottom.set_ylabel("best η̃ = η/m")
    bottom.set_xlabel("batch size m (examples per update)")
    bottom.set_xscale("log", base=2)
    log2_axis(bottom.xaxis, drawn["batch_size"].unique())
    accuracy_axis(top.yaxis, 100 * drawn["ci_low"].fillna(drawn["test_accuracy"]).min())
    note = (
        f"Bars: 95% t intervals over {counts_text(drawn['seeds'])} seeds, these test images only."
    )
    if drawn["edge"].any():
        note += " Open marks: the best η̃ lies at the edge of those tried."
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, data
