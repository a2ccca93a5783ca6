"""The scaling of the best learning rate with the batch size: the exponent p in η* ∝ m^p, with its
interval.

p = 1 is the linear scaling rule (η̃* does not depend on m), p = 1/2 the square-root rule, p = 0 a
constant rate. Where a power of m does not fit, the exponent means nothing, and another curve
(`rate_curve.py`) says how the best rate goes with m.
"""

import numpy as np
import pandas as pd
from scipy import special

from smallbatch.analysis.best import Row, of_setting
from smallbatch.analysis.rate_curve import LACK, course, lack_of_fit

RESAMPLES = 500
FEWEST = 3  # batch sizes of a fit; also rates of a setting
FIT = ["p", "ci_low", "ci_high", "log2_c", "lack_of_fit", "shape", "error", "course", "tops"]
OBJECTS = ["course", "tops", "batch_sizes"]
GROUP = ["norm", "ghost", "schedule", "budget"]


def exponents(table: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """One row per norm, schedule and budget with at least FEWEST batch sizes that have their best
    η̃ inside the grid.

    Columns: GROUP, FIT (see `fit`; `OBJECTS` of them are no numbers), ``sizes, smallest, largest, left_out`` (the number of batch
    sizes that have their best η̃ on an edge or never train). η* is the vertex of the parabola
    through the mean validation accuracies of the best rate and its neighbours in log2 η. The
    variance is the largest of three estimates: over seeds (resampled), from the grid (step²/12
    each), and from the scatter about the line. Intervals use Student's t with (sizes - 2) degrees
    of freedom. Where the curve bends significantly the exponent is missing.
    """
    rows = []
    known = best.assign(ghost=ghost_size(best))
    for key, group in known.groupby(GROUP, sort=False, dropna=False):
        inner = group[group["base_lr"].notna() & ~group["edge"].astype(bool)]
        if len(inner) < FEWEST:
            continue
        settings = [_accuracies(table, setting) for _, setting in inner.iterrows()]
        # Missing points can leave fewer rates.
        whole = [len(rates) >= FEWEST for rates, _ in settings]
        inner, settings = (
            inner[whole],
            [one for one, keep in zip(settings, whole, strict=True) if keep],
        )
        if len(inner) < FEWEST:
            continue
        order = np.argsort(inner["batch_size"].to_numpy(), kind="stable")
        inner, settings = inner.iloc[order], [settings[i] for i in order]
        sizes = np.log2(inner["batch_size"].to_numpy(float))
        found = fit(sizes, settings)
        if found["lack_of_fit"] < LACK:  # an exponent would describe no part of the curve
            found |= dict.fromkeys(("p", "ci_low", "ci_high", "log2_c"), np.nan)
        m = inner["batch_size"]
        about = {
            "sizes": len(inner),
            "smallest": m.min(),
            "largest": m.max(),
            "left_out": len(group) - len(inner),
            "batch_sizes": m.tolist(),
        }
        rows.append(dict(zip(GROUP, key, strict=True)) | found | about)
    columns = [*GROUP, *FIT, "sizes", "smallest", "largest", "left_out", "batch_sizes"]
    return pd.DataFrame(rows, columns=columns)


def fit(sizes: np.ndarray, settings: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """Fit η* = 2^log2_c · m^p to ascending log2 m and, for each m, (log2 η ``[rates]``, accuracy
    ``[rates, seeds]``); returns the values of FIT.

    ``lack_of_fit`` is the p value of a curvature, ``shape``, ``error`` and ``course`` those of
    `rate_curve.course`, ``tops`` log2 of the best η of each m.
    """
    tops = np.array([top(rates, values.mean(1)) for rates, values in settings])
    away, n = sizes - sizes.mean(), len(sizes)
    # Products of these weights with the tops are the slope and the level.
    weights = np.array([away / (away**2).sum(), np.full(n, 1 / n)])
    slope = float(weights[0] @ tops)
    rng = np.random.default_rng(0)
    seeds = min(values.shape[1] for _, values in settings)
    # The same seeds are drawn at every m, because runs are paired.
    drawn = rng.integers(0, seeds, (RESAMPLES, seeds))
    resampled = [
        [top(rates, values[:, index].mean(1)) for rates, values in settings] for index in drawn
    ]
    by_seeds = np.var(np.array(resampled) @ weights.T, axis=0) if seeds > 1 else np.zeros(2)
    steps = np.array([np.diff(rates).min() for rates, _ in settings])
    by_grid = weights**2 @ (steps**2 / 12)
    residuals = tops - tops.mean() - slope * away
    scatter = float((residuals**2).sum() / (n - 2))
    by_scatter = scatter * (weights**2).sum(1)
    var_p, _ = np.maximum(np.maximum(by_seeds, by_grid), by_scatter)
    of_seeds = np.var(np.array(resampled), axis=0) if seeds > 1 else np.zeros(n)
    lack = lack_of_fit(sizes, tops, np.maximum(of_seeds, steps**2 / 12))
    found = course(sizes, tops, lack)
    half = special.stdtrit(n - 2, 0.975) * np.sqrt(var_p)
    constant = float(tops.mean() - slope * sizes.mean())
    return {
        "p": slope,
        "ci_low": slope - half,
        "ci_high": slope + half,
        "log2_c": constant,
        "lack_of_fit": lack,
        "shape": found.shape,
        "error": found.error,
        "course": found,
        "tops": tops,
    }


def top(rates: np.ndarray, values: np.ndarray) -> float:
    """The vertex of the parabola through the largest value and its neighbours, at most half way to
    a neighbour."""
    best = int(np.argmax(values))
    if best in (0, len(values) - 1):
        return float(rates[best])
    x, y = rates[best - 1 : best + 2] - rates[best], values[best - 1 : best + 2] - values[best]
    curve, slope = np.linalg.solve([[x[0] ** 2, x[0]], [x[2] ** 2, x[2]]], [y[0], y[2]])
    if curve >= 0:
        return float(rates[best])
    return float(rates[best] + np.clip(-slope / (2 * curve), x[0] / 2, x[2] / 2))


def _accuracies(table: pd.DataFrame, setting: Row) -> tuple[np.ndarray, np.ndarray]:
    """log2 η and the validation accuracies ``[rates, seeds]`` of the rates that all seeds have;
    failed points count with their accuracies."""
    values = (
        table[of_setting(table, setting)]
        .pivot_table(index="lr", columns="seed", values="val_accuracy")
        .dropna()
    )
    return np.log2(values.index.to_numpy(float)), values.to_numpy()


def ghost_size(frame: pd.DataFrame) -> pd.Series:
    """The BN batch size if it is not the whole batch, else 0; settings with the same value form one
    line over m."""
    b = frame["bn_batch_size"].astype("Float64")
    return b.where(b != frame["batch_size"]).fillna(0).astype(int)
