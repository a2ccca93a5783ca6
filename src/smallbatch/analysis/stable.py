"""The range of base learning rates that train, for each setting."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING, rates, with_failed


def stable_ranges(table: pd.DataFrame, best: pd.DataFrame, delta: float = 0.005) -> pd.DataFrame:
    """One row per setting with a best η̃: the range ``low`` to ``high`` (η̃), and whether the grid
    censors its ends.

    ``high`` is the largest η̃ that is reached upwards from the best without a failed seed. ``low``
    is the smallest η̃ that is reached downwards with a mean validation accuracy within `delta` of
    the best.
    """
    cells = with_failed(rates(table), best).dropna(subset=["best_lr"])
    rows = []
    for setting, group in cells.groupby(SETTING, dropna=False, sort=False):
        group = group.sort_values("base_lr").reset_index(drop=True)
        start = int((group["base_lr"] == group["best_lr"]).to_numpy().argmax())
        failed = group["failed"].to_numpy() > 0
        top = largest_without_failure(group["base_lr"].to_numpy(), failed, group["best_lr"][start])
        assert top is not None, "the best η̃ trains every seed"
        bottom = start
        while (
            bottom > 0 and group["val_accuracy"][bottom - 1] >= group["val_accuracy"][start] - delta
        ):
            bottom -= 1
        rows.append(
            dict(zip(SETTING, setting, strict=True))
            | {
                "low": group["base_lr"][bottom],
                "high": group["base_lr"][top],
                "best": group["base_lr"][start],
                "low_censored": bottom == 0,
                "high_censored": top == len(group) - 1,
                "seeds": int(group["seeds"].max()),
            }
        )
    found = pd.DataFrame(
        rows, columns=[*SETTING, "low", "high", "best", "low_censored", "high_censored", "seeds"]
    )
    return found.astype({"bn_batch_size": "Int64"})


def largest_without_failure(base_lr: np.ndarray, failed: np.ndarray, best_lr: float) -> int | None:
    """Index in the ascending `base_lr` of the largest η̃ that is reached upwards from the best
    without a failure.

    None if there is no best (NaN) or the best failed.
    """
    tried = np.flatnonzero(base_lr >= best_lr)
    reached = int(np.cumprod(~failed[tried]).sum())
    return int(tried[reached - 1]) if reached else None
