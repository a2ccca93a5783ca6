"""SGD batch size × batch-norm batch size: test accuracy of the best η̃ of each pair."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analysis.results import Results
from smallbatch.core.text import budget_text, counts_text
from smallbatch.figures.style import accuracy_axis, batch_size_color, log2_axis, set_style


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    """Draw a line per SGD batch size, or a message in panels without batch norm."""
    set_style()
    best = results.best
    data = best[best["norm"] == "bn"].dropna(subset=["test_accuracy"])
    budgets = list(dict.fromkeys(data["budget"])) or [None]
    figure, panels = plt.subplots(
        1, len(budgets), figsize=(7.2 * len(budgets), 4.6), squeeze=False, layout="constrained"
    )
    for axes, budget in zip(panels.flat, budgets, strict=True):
        here = data[data["budget"] == budget]
        if here.empty:
            axes.text(
                0.5,
                0.5,
                "No setting of this study has batch norm.",
                ha="center",
                transform=axes.transAxes,
            )
            axes.set_axis_off()
            continue
        for m, line in here.groupby("batch_size"):
            line, color = line.sort_values("bn_batch_size"), batch_size_color(m)
            x, y = line["bn_batch_size"].astype(float), 100 * line["test_accuracy"]
            spread = [y - 100 * line["ci_low"], 100 * line["ci_high"] - y]
            axes.errorbar(
                x, y, spread, color=color, marker="o", ms=6, lw=1.6, elinewidth=1.2, capsize=2.5
            )
            axes.annotate(
                f"m = {m}",
                (x.iloc[-1], y.iloc[-1]),
                xytext=(7, 3),
                textcoords="offset points",
                color=color,
                fontsize="small",
            )
        sns.despine(ax=axes)
        axes.set_xscale("log", base=2)
        log2_axis(axes.xaxis, here["bn_batch_size"].unique())
        accuracy_axis(axes.yaxis, 100 * here["ci_low"].fillna(here["test_accuracy"]).min())
        axes.set_xlim(here["bn_batch_size"].min() / 1.6, here["bn_batch_size"].max() * 2.4)
        axes.set_xlabel("batch-norm batch size (examples normalised together)")
        axes.set_ylabel("test accuracy of the best η̃ (%)")
        axes.set_title(budget_text(budget), fontsize="medium")
    if len(data):
        whole = "The last point of each line is batch norm over the whole SGD batch m. "
        every = (
            data.groupby("batch_size")["bn_batch_size"].max()
            == data.groupby("batch_size")["bn_batch_size"].max().index
        ).all()
        note = (
            f"{whole if every else ''}Bars: 95% t intervals over "
            f"{counts_text(data['seeds'])} seeds, these test images only."
        )
        figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, data
