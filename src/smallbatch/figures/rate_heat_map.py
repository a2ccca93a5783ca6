"""Heat map of test accuracy over batch size and base learning rate, with failed cells marked; one
panel per norm and budget."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analysis.best import rates, with_failed
from smallbatch.analysis.results import Results
from smallbatch.core.rates import rate_label
from smallbatch.core.text import budget_text, counts_text
from smallbatch.figures.style import series_of, set_style


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    cells = with_failed(rates(results.table), results.best)
    cells["panel"] = series_of(cells) + " · " + cells["budget"].map(budget_text)
    panels = list(dict.fromkeys(cells["panel"]))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    low, high = 100 * cells["test_accuracy"].min(), 100 * cells["test_accuracy"].max()
    figure, grid = plt.subplots(rows, columns, figsize=(4.6 * columns, 3.5 * rows), squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        here = cells[cells["panel"] == panel].assign(
            percent=lambda frame: 100 * frame["test_accuracy"]
        )
        shape = {"index": "base_lr", "columns": "batch_size"}
        values = here.pivot(values="percent", **shape).sort_index(ascending=False)
        failed = here.pivot(values="failed", **shape).reindex_like(values)
        marks = values.map(lambda value: "" if pd.isna(value) else f"{value:.0f}")
        marks = marks.where(~(failed > 0), "×")
        sns.heatmap(
            values,
            vmin=low,
            vmax=high,
            cmap="viridis",
            cbar=False,
            ax=axes,
            annot=marks,
            fmt="",
            annot_kws={"size": 8},
            linewidths=0.5,
            linecolor="white",
            xticklabels=[f"{m:g}" for m in values.columns],
            yticklabels=[rate_label(rate) for rate in values.index],
        )
        best = results.best.assign(
            panel=series_of(results.best) + " · " + results.best["budget"].map(budget_text)
        )
        for _, row in best[best["panel"] == panel].dropna(subset=["base_lr"]).iterrows():
            corner = (
                list(values.columns).index(row["batch_size"]),
                list(values.index).index(row["base_lr"]),
            )
            axes.add_patch(plt.Rectangle(corner, 1, 1, fill=False, edgecolor="#d55e00", lw=2))
        axes.grid(False)
        axes.set_title(panel, fontsize="medium")
        axes.set_xlabel("batch size m")
        axes.set_ylabel("base learning rate η̃")
        axes.tick_params(axis="y", rotation=0)
    # Only now, because seaborn draws the whole figure for every heat map.
    figure.set_layout_engine("constrained")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    note = f"Numbers: mean test accuracy (%) over {counts_text(cells['seeds'])} seeds. × : a seed failed. Frame: the best η̃ on validation data."
    figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    keep = [
        "budget",
        "norm",
        "bn_batch_size",
        "batch_size",
        "base_lr",
        "lr",
        "seeds",
        "failed",
        "test_accuracy",
    ]
    return figure, cells[keep]
