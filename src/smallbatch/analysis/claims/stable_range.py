"""The claim that the range of base learning rates that train shrinks as the batch size grows."""

import numpy as np

from smallbatch.analysis.best import of_setting, whole_batch
from smallbatch.analysis.claims.batch_size import never_trains, several
from smallbatch.analysis.claims.verdict import Evidence, directional
from smallbatch.analysis.effect import Effect, paired
from smallbatch.analysis.measured import Measured, rates_key
from smallbatch.analysis.phrases import signed
from smallbatch.analysis.stable import limits_of_seeds
from smallbatch.core.records import PlannedClaim
from smallbatch.core.text import budget_text

UNIT = "octaves per doubling of m"
FINE = 4  # rates per octave of a finer grid


def stable_range(claim: PlannedClaim, data: Measured) -> Evidence:
    """The negative slope of log2 η̃_max over log2 m, per seed; its variance is at least that of the
    grid's steps."""
    rule, statistic = (
        directional(claim["delta"]),
        "fall of the largest η̃ that trains, in octaves (factors of 2) per doubling of m",
    )
    where = claim["budget"], claim["norm"], claim["schedule"]
    rows = whole_batch(data.settings(*where)).sort_values("batch_size")
    if reason := several(rows):
        return Evidence(rule, UNIT, statistic, blocked=[reason])
    trained = rows.dropna(subset=["base_lr"])
    if trained["batch_size"].nunique() < 2:
        return Evidence(rule, UNIT, statistic, blocked=["it needs two batch sizes that train"])
    found = [
        limits_of_seeds(data.table[of_setting(data.table, row)], row["base_lr"])
        for _, row in trained.iterrows()
    ]
    tops = [top for top, _, _ in found]
    censored, steps = [cut for _, cut, _ in found], [step for _, _, step in found]
    seeds = sorted(set.intersection(*[set(top.index) for top in tops]))
    if not seeds:
        return Evidence(
            rule, UNIT, statistic, blocked=["no seed has every rate at every batch size yet"]
        )
    tried = trained["batch_size"].tolist()
    sizes = np.log2(np.array(tried, float))
    away = sizes - sizes.mean()
    weights = away / (away**2).sum()
    maxima = np.array([top.loc[seeds].to_numpy() for top in tops])  # [sizes, seeds]
    floor = float(weights**2 @ (np.array(steps) ** 2 / 12))
    effect = paired(-(weights @ maxima), floor)
    planned = [
        row
        for row in data.plan(*where)
        if (row["bn_batch_size"] or row["batch_size"]) == row["batch_size"]
    ]
    reasons, fixes = data.blocks(planned, trained.head(0))
    reasons += never_trains(rows)
    doubts: list[str] = []
    # The true limit is higher than one that is censored by the grid. At small m this makes the fall
    # steeper, in favour of the claim; at large m it counts against the claim.
    for (_, row), ends, size in zip(trained.iterrows(), censored, sizes, strict=True):
        if ends:
            end = data.table[of_setting(data.table, row)]["base_lr"].max()
            (reasons if size > sizes.mean() else doubts).append(
                f"at m = {row['batch_size']} the grid ends before training fails"
            )
            fixes.append(data.wider(dict(row) | {"base_lr": end}))
    finer = []
    # If the grid's steps dominate the uncertainty, a finer grid would help.
    if not floor < effect.by_seeds / max(len(seeds), 1):
        for (_, row), top in zip(trained.iterrows(), maxima, strict=True):
            planned_row = data.row_of(row)
            between = np.arange(np.floor(top.min()), np.ceil(top.max()) + 1, 1 / FINE)
            finer.append((rates_key(planned_row), [*planned_row["base_lr"], *(2.0**between)]))
    return Evidence(
        rule,
        UNIT,
        statistic,
        [effect],
        ["no fall"],
        _found(claim, effect, maxima, tried, censored[0]),
        reasons,
        fixes,
        doubts=doubts,
        finer=finer,
    )


def _found(
    claim: PlannedClaim, effect: Effect, maxima: np.ndarray, tried: list[int], cut: bool
) -> str:
    first, last = maxima[0].mean(), maxima[-1].mean()
    of_eta = f"that of η = η̃·m is {signed(1 - effect.estimate, 2)}"
    if effect.known:
        low, high = (1 - limit for limit in reversed(effect.interval(0.95)))
        told = "not told from 0" if low <= 0 <= high else "not 0"
        of_eta += f" (95% interval {signed(low, 2)} to {signed(high, 2)}: {told})"
    return (
        f"the largest η̃ that trains is{' at least' if cut else ''} 2^{signed(first)} at m = {tried[0]} and 2^{signed(last)} at "
        f"m = {tried[-1]} (means over seeds of the exponent, half way from the last that trains to the first that fails), at {budget_text(claim['budget'])}; the slope of the exponent is "
        f"{signed(-effect.estimate, 2)}, {of_eta}"
    )
