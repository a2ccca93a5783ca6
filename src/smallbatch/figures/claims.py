"""The effects of a study's claims with their intervals, and the bounds that support each claim."""

import math
import textwrap

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analysis.claims.claim import Claim
from smallbatch.analysis.results import Results
from smallbatch.core.text import budget_text, kind_text
from smallbatch.figures.style import message_figure, set_style

# Indices into seaborn's colour-blind palette; the marks differ as well.
COLORS = {
    "supported": 0,
    "too small to matter": 2,
    "contradicted": 3,
    "undecided": 7,
}
MARKS = {"supported": "o", "too small to matter": "s", "contradicted": "X", "undecided": "d"}
XLABELS = {
    "points": "difference of test accuracy (points)",
    "of log loss": "difference of log training loss",
}
NOT_DRAWN = ["rivals", "bounds", "blocked", "overrides", "bootstrap"]


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    """Draw a panel per unit, with the bound or (shaded) range that supports each claim."""
    set_style()
    claims = results.claims
    data = pd.DataFrame(claims, columns=list(Claim.__dataclass_fields__)).drop(columns=NOT_DRAWN)
    drawn = [claim for claim in claims if claim.estimate is not None]
    if not drawn:
        return message_figure("No claim of this study has an effect that could be measured."), data
    panels_of: dict[str, list[Claim]] = {}
    for claim in drawn:
        panels_of.setdefault(claim.unit, []).append(claim)
    height = 0.62 * len(drawn) + 0.95 * len(panels_of) + 0.6
    figure, panels = plt.subplots(
        len(panels_of),
        1,
        figsize=(8.6, height),
        height_ratios=[len(rows) + 0.6 for rows in panels_of.values()],
        squeeze=False,
        layout="constrained",
    )
    palette = sns.color_palette("colorblind", 10)
    for axes, (unit, rows) in zip(panels[:, 0], panels_of.items(), strict=True):
        for place, claim in enumerate(rows):
            _draw_claim(axes, place, claim, palette[COLORS[claim.verdict]])
        axes.axvline(0, color="0.6", lw=0.8, zorder=0)
        axes.set_yticks(range(len(rows)), [_name(claim) for claim in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(XLABELS.get(unit, f"fall of the largest η̃ ({unit})"))
        sns.despine(ax=axes, left=True)
    seen = {claim.verdict for claim in drawn}
    handles = [
        plt.Line2D([], [], color=palette[COLORS[v]], marker=MARKS[v], ls="none", ms=8, label=v)
        for v in COLORS
        if v in seen
    ]
    figure.legend(
        handles=handles, loc="outside upper right", ncols=4, frameon=False, fontsize="small"
    )
    note = "Bars: intervals at the level of each verdict (adjusted for the number of claims). Dashed: δ, the least effect worth having, or the margin; shaded: effects that do not matter. Upright stroke: the effect with each seed's setting chosen on the other seeds."
    figure.supxlabel("\n".join(textwrap.wrap(note, 100)), fontsize="small", x=0.01, ha="left")
    return figure, data


def _draw_claim(axes: plt.Axes, place: int, claim: Claim, color: tuple) -> None:
    for low, high in _shaded(claim):
        axes.fill_betweenx([place - 0.4, place + 0.4], low, high, color="0.9", zorder=0, lw=0)
    for bound in claim.bounds:
        if bound:
            axes.plot([bound] * 2, [place - 0.4, place + 0.4], color="0.45", lw=1.2, ls=(0, (3, 2)))
    if claim.ci_low is not None and claim.ci_high is not None:
        axes.plot(
            [claim.ci_low, claim.ci_high],
            [place, place],
            color=color,
            lw=2.2,
            solid_capstyle="butt",
        )
    if claim.cross_fitted is not None:
        axes.plot(
            [claim.cross_fitted], [place], "|", color=color, ms=16, mew=1.6, label="cross-fitted"
        )
    label = f"{claim.claim}: {claim.verdict}"
    estimate = math.nan if claim.estimate is None else claim.estimate
    axes.plot([estimate], [place], MARKS[claim.verdict], color=color, ms=9, label=label)


def _shaded(claim: Claim) -> list[tuple[float, float]]:
    """The range of effects that do not matter: within the margin, or within ± the least effect."""
    bound = claim.bounds[-1]
    return [(-bound, bound)] if claim.small or claim.needs.startswith("within") else []


def _name(claim: Claim) -> str:
    norm = f", {kind_text(claim.norm)}" if claim.norm else ""
    return "\n".join(textwrap.wrap(f"{claim.statement}{norm} ({budget_text(claim.budget)})", 48))
