"""The best learning rate η against batch size, with the curve that fits it."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from smallbatch.analysis.phrases import FEW
from smallbatch.analysis.rate_curve import LACK
from smallbatch.analysis.results import Results
from smallbatch.analysis.scaling import GROUP, OBJECTS, exponents, ghost_size
from smallbatch.core.text import budget_text, norm_text
from smallbatch.figures.style import log2_axis, message_figure, set_style

MARKERS = "osD^vPX*"


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    found = exponents(results.table, results.best)
    if found.empty:
        return message_figure(
            "No norm and budget has three batch sizes whose best η̃ lies inside its grid."
        ), found.drop(columns=OBJECTS)
    best = results.best.assign(ghost=ghost_size(results.best)).dropna(subset=["base_lr"])
    several = results.best["schedule"].nunique() > 1, results.best["budget"].nunique() > 1
    colors = sns.color_palette("colorblind", len(found))
    figure, axes = plt.subplots(figsize=(8.4, 5.2), layout="constrained")
    for i, ((_, row), color, marker) in enumerate(
        zip(found.iterrows(), colors, MARKERS * 3, strict=False)
    ):
        # Shift the marks so that they do not overlap.
        shift = 2 ** (0.5 * ((i + 0.5) / len(found) - 0.5))
        m, tops = np.array(row["batch_sizes"], float), 2.0 ** row["tops"]
        axes.plot(m * shift, tops, marker, color=color, ms=6, mew=1.5)
        points = best[np.logical_and.reduce([best[key] == row[key] for key in GROUP])]
        edge = points[points["edge"]]
        axes.plot(
            edge["batch_size"] * shift, edge["lr"], marker, color=color, mfc="white", ms=6, mew=1.5
        )
        words = [
            norm_text(row["norm"], row["ghost"] or None, 0)
            if row["ghost"] or row["norm"] != "bn"
            else "BN over the batch"
        ]
        words += [row["schedule"]] * several[0] + [budget_text(row["budget"])] * several[1]
        course = row["course"]
        axes.plot(
            2**course.sizes * shift,
            2**course.rates,
            color=color,
            lw=1.6,
            label=f"{', '.join(words)}: {_fitted(row)}".replace("-", "−"),
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    log2_axis(axes.xaxis, best["batch_size"].unique())
    low, high = np.log2(best["lr"].min()), np.log2(best["lr"].max())
    log2_axis(
        axes.yaxis,
        [2.0**k for k in range(int(np.floor(low)) - 1, int(np.ceil(high)) + 2)],
        rates=True,
    )
    axes.set_xlabel("batch size m (examples per update)")
    axes.set_ylabel("best learning rate η = η̃·m")
    axes.legend(
        title="η* ∝ m^p, 95% interval, where it fits", fontsize="small", title_fontsize="small"
    )
    sns.despine(ax=axes)
    note = (
        "Marks: tops of parabolas through the best η and its neighbours; lines: the curve that predicts a left-out m best. "
        "p = 1: linear scaling, ½: square root, 0: constant η. Open marks: the best η̃ lies at the edge of those tried; not in the fit."
    )
    note = "\n".join(textwrap.wrap(note, 100))
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, found.drop(columns=OBJECTS)


def _fitted(row: pd.Series) -> str:
    """The exponent, or why there is none."""
    if row["sizes"] < FEW:
        return f"{row['sizes']} batch sizes, no exponent"
    if row["lack_of_fit"] < LACK:
        return f"no power of m (lack of fit, p value {row['lack_of_fit']:.2g})"
    return f"p = {row['p']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
