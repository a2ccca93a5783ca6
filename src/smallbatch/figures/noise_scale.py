"""The simple gradient noise scale during training, with the batch sizes used; one panel per
schedule."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analysis.noise import noise_over_seeds
from smallbatch.analysis.results import Results
from smallbatch.core.text import counts_text
from smallbatch.figures.chosen import chosen_runs, looks, means
from smallbatch.figures.style import log2_axis, message_figure, set_style


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    runs = chosen_runs(results).dropna(subset=["trace_sigma"])
    if runs.empty:
        return message_figure(
            "The noise scale was not measured (evaluation.noise_scale=0.05 measures it)."
        ), runs
    noise = noise_over_seeds(runs)
    used = means(runs, "batch_size", [])
    style = looks(runs)
    columns = min(4, len(style))
    rows = -(-len(style) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(3.4 * columns, 2.7 * rows + 0.5),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    size = results.study["config"]["dataset"]["sizes"]["train"]
    top = 4.0 * size  # larger values exceed every possible batch size
    low = max(1.0, min(noise["b_simple_low"].clip(lower=1).min(), used["mean"].min()))
    for axes, (line, look) in zip(grid.flat, style.items(), strict=False):
        one, m = noise[noise["line"] == line], used[used["line"] == line]
        axes.fill_between(
            one["epoch"],
            one["b_simple_low"].clip(lower=low),
            one["b_simple_high"].clip(upper=top),
            color=look["color"],
            alpha=0.25,
            lw=0,
        )
        axes.plot(one["epoch"], one["b_simple"].clip(upper=top), color=look["color"], lw=1.7)
        axes.plot(m["epoch"], m["mean"], color="black", lw=1.3, ls="--", drawstyle="steps-pre")
        axes.axhline(size, color="0.4", lw=1, ls=":")
        axes.set_title(line, fontsize="small")
        axes.set_yscale("log", base=2)
        sns.despine(ax=axes)
    grid[0, 0].set_ylim(low / 1.3, top)
    log2_axis(grid[0, 0].yaxis, [2.0**k for k in range(0, 24, 2) if low / 2 < 2.0**k < top])
    for axes in list(grid.flat)[len(style) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("examples")
    # The last panel of each column.
    for axes in grid.flat[max(0, len(style) - columns) : len(style)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("epochs of examples")
    note = (
        f"Solid: simple noise scale tr Σ / |G|², the ratio of means over {counts_text(noise['seeds'])} seeds and three epochs; "
        "band: 95% interval (open above where |G|² is not told from zero).\nDashed: batch size used, at the best η̃ of each. Dotted: all training images."
    )
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, noise.merge(
        used[["line", "epoch", "mean"]].rename(columns={"mean": "batch_size"}), on=["line", "epoch"]
    )
