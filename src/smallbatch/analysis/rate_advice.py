"""The learning rate to use at a batch size, within those measured, and what the recommendation would
have cost at batch sizes whose best rate is known."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import Row, at_rate, of_setting
from smallbatch.analysis.effect import Effect
from smallbatch.analysis.measured import Measured, compare
from smallbatch.analysis.phrases import FEW
from smallbatch.analysis.rate_curve import KINDS, at, predicted_without
from smallbatch.analysis.scaling import GROUP, ghost_size

COLUMNS = ["fit", "batch_size", "lr", "low", "high", "regret"]


def rates_for(data: Measured) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The fits of `exponents` over at least FEW batch sizes, and the η that they recommend at powers
    of two between the smallest and the largest m, none beyond.

    ``low`` and ``high`` are a 95% prediction interval, ``regret`` the Effect of `regret` (None where
    m was not measured or is the first or last).
    """
    fits = data.exponents
    fits = fits[fits["sizes"] >= FEW].reset_index(drop=True)
    rows = []
    for number, fit in fits.iterrows():
        course = fit["course"]
        first, last = np.ceil(np.log2(fit["smallest"])), np.floor(np.log2(fit["largest"]))
        for size in np.arange(first, last + 1):
            log2_lr = at(course, size)
            assert log2_lr is not None
            values = (
                number,
                int(2**size),
                *(2.0 ** (log2_lr + d) for d in (0, -course.half, course.half)),
            )
            rows.append(
                dict(zip(COLUMNS, values, strict=False))
                | {"regret": regret(data, fit, int(2**size))}
            )
    return fits, pd.DataFrame(rows, columns=COLUMNS)


def regret(data: Measured, fit: Row, m: int) -> Effect | None:
    """Test accuracy at the best η̃ of an inner m minus that at the η̃ tried that is nearest to the
    rate recommended without m, in points; exactly 0 (of no test images) if they are the same."""
    if m not in fit["batch_sizes"][1:-1]:
        return None
    place = fit["batch_sizes"].index(m)
    sizes = np.log2(np.array(fit["batch_sizes"], float))
    log2_lr = predicted_without(KINDS[fit["course"].shape], sizes, fit["tops"], place)
    best = data.best.assign(ghost=ghost_size(data.best))
    same = np.logical_and.reduce([best[key] == fit[key] for key in GROUP])
    setting = best[same & (best["batch_size"] == m)].iloc[0]
    tried = data.table[of_setting(data.table, setting)]["base_lr"].unique()
    nearest = tried[np.abs(np.log2(tried * m) - log2_lr).argmin()]
    if nearest == setting["base_lr"]:
        return Effect(0.0, 0.0, np.inf, data.points(setting)["seed"].nunique(), 0.0, 0.0)
    return compare(data, setting, at_rate(setting, nearest))


def worst(rows: pd.DataFrame) -> pd.Series | None:
    """The row of `rates_for` with the largest regret, None if no regret is known."""
    known = rows[rows["regret"].notna()]
    if known.empty:
        return None
    return known.loc[known["regret"].map(lambda effect: effect.estimate).idxmax()]
