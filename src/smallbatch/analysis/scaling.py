"""How the best learning rate goes with the batch size: the exponent p in η* ∝ m^p, with its interval.

p = 1 is the linear scaling rule (η̃* does not depend on m), p = 1/2 the square-root rule, p = 0 a constant rate.
"""

import numpy as np
import pandas as pd
from scipy import special

from smallbatch.analysis.best import SETTING

RESAMPLES = 500
FEWEST = 3  # batch sizes
GROUP = ["norm", "ghost", "schedule", "budget"]


def exponents(table: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """One row per norm, schedule and budget with FEWEST batch sizes or more whose best η̃ is no edge.

    Columns GROUP, ``p, ci_low, ci_high, log2_c`` (η* = 2^log2_c · m^p)``, sizes, smallest, largest, left_out`` (batch
    sizes whose best lies on an edge or that never train). η* is the top of the parabola through the mean validation
    accuracies of the best rate and its neighbours in log2 η. Variance: the largest of what seeds (resampled), the grid
    (step²/12 each) and the scatter about the line say; Student's t with (sizes - 2) degrees of freedom.
    """
    rows = []
    known = best.assign(ghost=ghost_size(best))
    for key, group in known.groupby(GROUP, sort=False, dropna=False):
        inner = group[group["base_lr"].notna() & ~group["edge"].astype(bool)]
        if len(inner) < FEWEST:
            continue
        settings = [_accuracies(table, setting) for _, setting in inner.iterrows()]
        whole = [len(rates) >= FEWEST for rates, _ in settings]  # with missing points there may be fewer
        inner, settings = inner[whole], [one for one, keep in zip(settings, whole, strict=True) if keep]
        if len(inner) < FEWEST:
            continue
        sizes = np.log2(inner["batch_size"].to_numpy(float))
        found = fit(sizes, settings)
        m = inner["batch_size"]
        about = {"sizes": len(inner), "smallest": m.min(), "largest": m.max(), "left_out": len(group) - len(inner)}
        rows.append(dict(zip(GROUP, key, strict=True)) | found | about)
    columns = [*GROUP, "p", "ci_low", "ci_high", "log2_c", "sizes", "smallest", "largest", "left_out"]
    return pd.DataFrame(rows, columns=columns)


def fit(sizes: np.ndarray, settings: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """``{"p", "ci_low", "ci_high", "log2_c"}`` from log2 m and for each m (log2 η ``[rates]``, accuracy ``[rates, seeds]``)."""
    tops = np.array([top(rates, values.mean(1)) for rates, values in settings])
    away = sizes - sizes.mean()
    weights = away / (away**2).sum()  # the slope is their product with the tops
    slope = float(weights @ tops)
    rng = np.random.default_rng(0)
    seeds = min(values.shape[1] for _, values in settings)
    drawn = rng.integers(0, seeds, (RESAMPLES, seeds))  # the same seeds at every m: runs are paired
    resampled = [[top(rates, values[:, index].mean(1)) for rates, values in settings] for index in drawn]
    by_seeds = np.var(np.array(resampled) @ weights) if seeds > 1 else 0.0
    steps = np.array([np.diff(rates).min() for rates, _ in settings])
    by_grid = float(weights**2 @ (steps**2 / 12))
    free = len(sizes) - 2
    residuals = tops - tops.mean() - slope * away
    by_scatter = float((residuals**2).sum() / free * (weights**2).sum())
    half = special.stdtrit(free, 0.975) * np.sqrt(max(by_seeds, by_grid, by_scatter))
    constant = float(tops.mean() - slope * sizes.mean())
    return {"p": slope, "ci_low": slope - half, "ci_high": slope + half, "log2_c": constant}


def top(rates: np.ndarray, values: np.ndarray) -> float:
    """Where the parabola through the largest value and its neighbours is highest, no further than half way to one of them."""
    best = int(np.argmax(values))
    if best in (0, len(values) - 1):
        return float(rates[best])
    x, y = rates[best - 1 : best + 2] - rates[best], values[best - 1 : best + 2] - values[best]
    curve, slope = np.linalg.solve([[x[0] ** 2, x[0]], [x[2] ** 2, x[2]]], [y[0], y[2]])
    if curve >= 0:
        return float(rates[best])
    return float(rates[best] + np.clip(-slope / (2 * curve), x[0] / 2, x[2] / 2))


def _accuracies(table: pd.DataFrame, setting) -> tuple[np.ndarray, np.ndarray]:
    """log2 η and the validation accuracy of every rate that all seeds have; failed points count with what they have."""
    same = np.ones(len(table), bool)
    for key in SETTING:
        value = setting[key]
        same &= (table[key].isna() if pd.isna(value) else table[key] == value).fillna(False).to_numpy(bool)
    values = table[same].pivot_table(index="lr", columns="seed", values="val_accuracy").dropna()
    return np.log2(values.index.to_numpy(float)), values.to_numpy()


def ghost_size(frame: pd.DataFrame) -> pd.Series:
    """The BN batch size where it is not the whole batch, else 0: settings of one line over m."""
    b = frame["bn_batch_size"].astype("Float64")
    return b.where(b != frame["batch_size"]).fillna(0).astype(int)
