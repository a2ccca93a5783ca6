"""The claim that the range of base learning rates that train shrinks as the batch size grows."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import of_setting
from smallbatch.analysis.claims.verdict import Evidence, directional
from smallbatch.analysis.effect import paired
from smallbatch.analysis.measured import Measured
from smallbatch.analysis.phrases import signed
from smallbatch.text import budget_text

UNIT = "octaves per doubling of m"


def stable_range(claim: dict, data: Measured) -> Evidence:
    """Minus the slope of log2 η̃_max on log2 m, per seed; its variance is never below that of the grid's steps."""
    rule, statistic = directional(claim["delta"]), "fall of the largest η̃ that trains, per doubling of m"
    rows = data.settings(claim["budget"], claim["norm"])
    whole = rows["bn_batch_size"].fillna(rows["batch_size"]) == rows["batch_size"]
    rows = rows[whole].sort_values("batch_size")
    trained = rows.dropna(subset=["base_lr"])
    if rows["norm"].nunique() > 1:
        reason = "the study has several kinds of norm; name one in the claim's norm"
        return Evidence(rule, UNIT, statistic, blocked=[reason])
    if trained["batch_size"].nunique() < 2:
        return Evidence(rule, UNIT, statistic, blocked=["it needs two batch sizes that train"])
    found = [largest(data.table[of_setting(data.table, row)], row["base_lr"]) for _, row in trained.iterrows()]
    tops, censored, steps = ([one[i] for one in found] for i in range(3))
    tried = trained["batch_size"].tolist()
    seeds = sorted(set.intersection(*[set(top.index) for top in tops]))
    sizes = np.log2(np.array(tried, float))
    away = sizes - sizes.mean()
    weights = away / (away**2).sum()
    maxima = np.array([top.loc[seeds].to_numpy() for top in tops])  # [sizes, seeds]
    floor = float(weights**2 @ (np.array(steps) ** 2 / 12))
    effect = paired(-(weights @ maxima), floor)
    reasons, fixes = data.blocks(rows, trained.head(0))
    dead = sorted(set(rows["batch_size"]) - set(trained["batch_size"]))
    if dead:
        reasons.append(f"no η̃ trains every seed at m = {', '.join(map(str, dead))}")
    # A limit that the grid cut off is higher in truth. Where m is small that makes the fall steeper, so it is no objection.
    for (_, row), ends in zip(trained.iterrows(), censored, strict=True):
        if ends and np.log2(row["batch_size"]) > sizes.mean():
            reasons.append(f"at m = {row['batch_size']} the grid ends before training fails")
            end = data.table[of_setting(data.table, row)]["base_lr"].max()
            fixes.append(data.wider(dict(row) | {"base_lr": end}))
    first, last = maxima[0].mean(), maxima[-1].mean()
    slope = effect.estimate
    low, high = effect.interval(0.95)
    of_eta = f"of η = η̃·m it is {signed(1 - slope, 2)} (95% interval {signed(1 - high, 2)} to {signed(1 - low, 2)})"
    cut = " at least" if censored[0] else ""
    text = (
        f"the largest η̃ that trains is{cut} 2^{signed(first)} at m = {tried[0]} and 2^{signed(last)} at m = {tried[-1]} (means of the "
        f"exponent over seeds), at {budget_text(claim['budget'])}; the slope of the exponent is {signed(-slope, 2)}, {of_eta}"
    )
    return Evidence(rule, UNIT, statistic, [effect], ["no fall"], text, reasons, fixes)


def largest(points: pd.DataFrame, best_lr: float) -> tuple[pd.Series, bool, float]:
    """For each seed log2 of the largest η̃ reached upwards from the best without a failed point.

    Also whether that is the end of the grid for some seed, and the largest step (octaves) of the grid from the best upwards.
    """
    above = points[points["base_lr"] >= best_lr]
    failed = above.assign(failed=above["status"] != "completed").pivot(index="seed", columns="base_lr", values="failed")
    failed = failed.dropna()
    rates = np.log2(np.array(sorted(failed.columns), float))
    reached = np.cumprod(~failed[sorted(failed.columns)].to_numpy(bool), axis=1).sum(1)
    top = pd.Series(rates[np.maximum(reached - 1, 0)], index=failed.index)
    step = float(np.diff(rates).max()) if len(rates) > 1 else 1.0
    return top, bool((reached == len(rates)).any()), step
