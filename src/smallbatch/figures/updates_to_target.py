"""Updates, examples and training time of a single model to reach a validation accuracy, for each
schedule."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analysis.results import Results
from smallbatch.analysis.target import common_target, to_target
from smallbatch.core.text import counts_text
from smallbatch.figures.chosen import chosen_runs, looks, plain_log
from smallbatch.figures.style import NOTHING_TRAINED, message_figure, set_style

COSTS = {
    "updates": "updates",
    "examples": "examples",
    "seconds_alone": "time of one model alone (s)",
}


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    runs = chosen_runs(results)
    if runs.empty:
        return message_figure(NOTHING_TRAINED), runs
    target = results.study["config"]["evaluation"]["target"] or common_target(runs)
    data = to_target(runs, target, list(COSTS))
    style = looks(runs)
    lines = list(style)
    figure, grid = plt.subplots(
        1, 3, figsize=(12.5, 0.34 * len(lines) + 1.7), sharey=True, layout="constrained"
    )
    for axes, (cost, label) in zip(grid, COSTS.items(), strict=True):
        for place, line in enumerate(lines):
            one = data[(data["line"] == line) & (data["cost"] == cost)].iloc[0]
            if pd.notna(one["mean"]):
                spread = (
                    [[one["mean"] - one["ci_low"]], [one["ci_high"] - one["mean"]]]
                    if pd.notna(one["ci_low"])
                    else None
                )
                axes.errorbar(
                    one["mean"], place, xerr=spread, fmt="o", color=style[line]["color"], capsize=3
                )
            if one["reached"] < one["seeds"] and cost == "updates":
                axes.annotate(
                    f"{one['reached']} of {one['seeds']} seeds reach it",
                    (0.98, place),
                    xycoords=("axes fraction", "data"),
                    fontsize="x-small",
                    ha="right",
                    va="center",
                )
        if data.loc[data["cost"] == cost, "mean"].notna().any():
            axes.set_xscale("log")
            plain_log(axes.xaxis)
        axes.set_xlabel(label)
        sns.despine(ax=axes)
    grid[0].set_yticks(range(len(lines)), lines)
    grid[0].set_ylim(len(lines) - 0.5, -0.5)
    figure.suptitle(f"until validation accuracy reaches {100 * target:.1f}%", fontsize="medium")
    note = (
        f"Means over {counts_text(data['seeds'])} seeds at the best η̃ of each, at epoch ends; bars: 95% t intervals over seeds, "
        "these images only. A schedule is left out where a seed does not reach the target."
    )
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure, data.assign(target=target)
