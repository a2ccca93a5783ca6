"""The effects of a study's claims with their intervals, and what each would have to be."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analyse import Results
from smallbatch.figures.style import message_figure, set_style
from smallbatch.text import budget_text, kind_text

COLORS = {"supported": 0, "contradicted": 3, "undecided": 7}  # of seaborn's colour-blind palette; marks differ too
MARKS = {"supported": "o", "contradicted": "X", "undecided": "d"}
XLABELS = {"points": "difference of test accuracy (points)", "of log loss": "difference of log training loss"}


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    """A panel for each unit; shaded where an effect would have to lie for its claim."""
    set_style()
    data = pd.DataFrame(results.claims)
    drawn = data.dropna(subset=["estimate"]) if len(data) else data
    if drawn.empty:
        return message_figure("No claim of this study has an effect that could be measured."), data
    units = list(dict.fromkeys(drawn["unit"]))
    sizes = [(drawn["unit"] == unit).sum() for unit in units]
    height = 0.62 * len(drawn) + 0.95 * len(units) + 0.6
    figure, panels = plt.subplots(
        len(units),
        1,
        figsize=(8.6, height),
        height_ratios=[n + 0.6 for n in sizes],
        squeeze=False,
        layout="constrained",
    )
    palette = sns.color_palette("colorblind", 10)
    for axes, unit in zip(panels[:, 0], units, strict=True):
        rows = drawn[drawn["unit"] == unit].reset_index(drop=True)
        for place, row in rows.iterrows():
            color = palette[COLORS[row["verdict"]]]
            low, high = row["bounds"][0], row["bounds"][-1]
            if row["needs"].startswith("within"):
                axes.fill_betweenx([place - 0.4, place + 0.4], low, high, color="0.9", zorder=0, lw=0)
            else:
                axes.plot([low, low], [place - 0.4, place + 0.4], color="0.45", lw=1.2, ls=(0, (3, 2)))
            if pd.notna(row["ci_low"]):
                axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=color, lw=2.2, solid_capstyle="butt")
            axes.plot(
                [row["estimate"]],
                [place],
                MARKS[row["verdict"]],
                color=color,
                ms=9,
                label=f"{row['claim']}: {row['verdict']}",
            )
        axes.axvline(0, color="0.6", lw=0.8, zorder=0)
        axes.set_yticks(range(len(rows)), [_name(row) for _, row in rows.iterrows()])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(XLABELS.get(unit, f"fall of the largest η̃ ({unit})"))
        sns.despine(ax=axes, left=True)
    seen = list(dict.fromkeys(drawn["verdict"]))
    handles = [
        plt.Line2D([], [], color=palette[COLORS[v]], marker=MARKS[v], ls="none", ms=8, label=v)
        for v in COLORS
        if v in seen
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=3, frameon=False, fontsize="small")
    note = "Bars: intervals at the level of each verdict (adjusted for the number of claims). Dashed: 0, or the margin, above which a claim holds; shaded: within the margin."
    figure.supxlabel("\n".join(textwrap.wrap(note, 100)), fontsize="small", x=0.01, ha="left")
    return figure, data.drop(columns=["rivals", "bounds", "blocked", "overrides", "bootstrap"])


def _name(row) -> str:
    norm = f", {kind_text(row['norm'])}" if row["norm"] else ""
    return "\n".join(textwrap.wrap(f"{row['statement']}{norm} ({budget_text(row['budget'])})", 48))
