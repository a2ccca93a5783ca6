"""The cost of reaching a validation accuracy."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import t_interval


def common_target(runs: pd.DataFrame) -> float:
    """The highest validation accuracy that every seed of every line reaches, rounded down to half a
    point."""
    best = runs.groupby(["line", "seed"])["val_accuracy"].max().groupby("line").min()
    return float(np.floor(200 * best.min()) / 200)


def to_target(runs: pd.DataFrame, target: float, costs: list[str]) -> pd.DataFrame:
    """``line, cost, mean, ci_low, ci_high, reached, seeds``: the cost at the end of the first epoch
    with a validation accuracy of at least `target`.

    `runs` has one row per seed and epoch. The mean is missing unless every seed reaches the target.
    """
    rows = []
    for line, group in runs.groupby("line", sort=False):
        there = group[group["val_accuracy"] >= target].sort_values("epoch").groupby("seed").first()
        seeds = group["seed"].nunique()
        for cost in costs:
            row = {"line": line, "cost": cost, "mean": np.nan, "ci_low": np.nan, "ci_high": np.nan}
            if len(there) == seeds and there[cost].notna().all():
                values = there[cost].to_numpy(float)
                low, high = t_interval(values)
                row |= {"mean": values.mean(), "ci_low": max(low, 0.0), "ci_high": high}
            rows.append(row | {"reached": len(there), "seeds": seeds})
    return pd.DataFrame(rows)
