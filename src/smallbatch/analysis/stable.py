"""The range of base learning rates that train, for every setting."""

import pandas as pd

from smallbatch.analysis.best import SETTING, rates, with_failed


def stable_ranges(table: pd.DataFrame, best: pd.DataFrame, delta: float = 0.005) -> pd.DataFrame:
    """One row per setting that has a best η̃: ``low``, ``high`` (η̃) and whether each is censored by the grid.

    ``high``: the largest η̃ reached upwards from the best without a failed seed. ``low``: the smallest η̃
    reached downwards whose mean validation accuracy is within `delta` of the best.
    """
    cells = with_failed(rates(table), best).dropna(subset=["best_lr"])
    rows = []
    for setting, group in cells.groupby(SETTING, dropna=False, sort=False):
        group = group.sort_values("base_lr").reset_index(drop=True)
        start = int((group["base_lr"] == group["best_lr"]).to_numpy().argmax())
        top = start
        while top + 1 < len(group) and group["failed"][top + 1] == 0:
            top += 1
        bottom = start
        while bottom > 0 and group["val_accuracy"][bottom - 1] >= group["val_accuracy"][start] - delta:
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
    found = pd.DataFrame(rows, columns=[*SETTING, "low", "high", "best", "low_censored", "high_censored", "seeds"])
    return found.astype({"bn_batch_size": "Int64"})
