"""The range of base learning rates that train, for each setting."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING, of_setting, rates, with_failed


def stable_ranges(table: pd.DataFrame, best: pd.DataFrame, delta: float = 0.005) -> pd.DataFrame:
    """One row per setting with a best η̃: the range ``low`` to ``high`` (η̃), and whether the grid
    censors its ends.

    ``high`` is the largest η̃ that trains (`limits_of_seeds`, the mean over seeds of its exponent),
    ``seeds_low`` and ``seeds_high`` its range over seeds. ``low`` is the smallest η̃ that is reached
    downwards with a mean validation accuracy within `delta` of the best.
    """
    cells = with_failed(rates(table), best).dropna(subset=["best_lr"])
    rows = []
    for setting, group in cells.groupby(SETTING, dropna=False, sort=False):
        group = group.sort_values("base_lr").reset_index(drop=True)
        start = int((group["base_lr"] == group["best_lr"]).to_numpy().argmax())
        points = table[of_setting(table, dict(zip(SETTING, setting, strict=True)))]
        limits, cut, _ = limits_of_seeds(points, group["best_lr"][start])
        bottom = start
        while (
            bottom > 0 and group["val_accuracy"][bottom - 1] >= group["val_accuracy"][start] - delta
        ):
            bottom -= 1
        rows.append(
            dict(zip(SETTING, setting, strict=True))
            | {
                "low": group["base_lr"][bottom],
                "high": 2.0 ** limits.mean(),
                "seeds_low": 2.0 ** limits.min(),
                "seeds_high": 2.0 ** limits.max(),
                "best": group["base_lr"][start],
                "low_censored": bottom == 0,
                "high_censored": cut,
                "seeds": int(group["seeds"].max()),
            }
        )
    columns = ["low", "high", "seeds_low", "seeds_high", "best", "low_censored", "high_censored"]
    found = pd.DataFrame(rows, columns=[*SETTING, *columns, "seeds"])
    return found.astype({"bn_batch_size": "Int64"})


def limits_of_seeds(points: pd.DataFrame, best_lr: float) -> tuple[pd.Series, bool, float]:
    """For each seed, log2 of the largest η̃ that trains: half way from the last that is reached
    upwards from the best without a failed point to the first that fails.

    The last alone would be too low by half a step of the grid, and where batch sizes have different
    steps by different amounts. Also returns whether the grid ends before training fails for some
    seed (then its last η̃ counts), and the largest step (in octaves) from a seed's last η̃ to the
    next.
    """
    above = points[points["base_lr"] >= best_lr]
    failed = above.assign(failed=above["status"] != "completed").pivot(
        index="seed", columns="base_lr", values="failed"
    )
    failed = failed.dropna()
    if failed.empty:
        return pd.Series(dtype=float), False, 1.0
    tried = np.array(sorted(failed.columns), float)
    rows = failed[sorted(failed.columns)].to_numpy(bool)
    last = np.array([largest_without_failure(tried, row, best_lr) or 0 for row in rows])
    octaves, end = np.log2(tried), len(tried) - 1
    # At the end of the grid, the step before it replaces the step after it.
    following = np.minimum(last + 1, end)
    step = float((octaves[following] - octaves[following - 1]).max()) if end else 1.0
    middle = (octaves[last] + octaves[following]) / 2
    return pd.Series(middle, index=failed.index), bool((last == end).any()), step


def largest_without_failure(base_lr: np.ndarray, failed: np.ndarray, best_lr: float) -> int | None:
    """Index in the ascending `base_lr` of the largest η̃ that is reached upwards from the best
    without a failure.

    None if there is no best (NaN) or the best failed.
    """
    tried = np.flatnonzero(base_lr >= best_lr)
    reached = int(np.cumprod(~failed[tried]).sum())
    return int(tried[reached - 1]) if reached else None
