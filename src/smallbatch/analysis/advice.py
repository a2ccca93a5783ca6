"""Recommendations: the best settings of each budget, batch sizes that cannot be distinguished from
the best, and the cost of a wrong learning rate."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING, Row, rates, with_failed
from smallbatch.analysis.claims.verdict import ALPHA
from smallbatch.analysis.effect import Effect, two_way
from smallbatch.analysis.measured import Measured, compare, first
from smallbatch.analysis.near_best import near_best
from smallbatch.analysis.phrases import FEW

ANY = "any"
SHIFTS = (-3, -2, -1, 1, 2, 3)  # octaves from the best η̃


def best_of_budgets(data: Measured) -> list[dict]:
    """The best setting of each budget, overall and (if there are several) for each kind of norm.

    ``{"budget", "norm" (or ANY), "setting" (a row of best.csv), "accuracy" (an Effect in %, over
    seeds and images), "near" (the m that, each at its best setting, cannot be distinguished from
    the best on test images; None for fewer than FEW seeds), "sizes" (all m)}``.
    """
    found = []
    for budget in dict.fromkeys(data.best["budget"]):
        rows = data.settings(budget).dropna(subset=["base_lr"])
        kinds = list(dict.fromkeys(rows["norm"]))
        for norm in [ANY, *kinds] if len(kinds) > 1 else kinds:
            group = rows if norm == ANY else rows[rows["norm"] == norm]
            top = first(group)
            found.append(
                {"budget": budget, "norm": norm, "setting": top, "accuracy": accuracy(data, top)}
                | {"near": _near(data, group), "sizes": sorted(group["batch_size"].unique())}
            )
    return found


def accuracy(data: Measured, setting: Row) -> Effect:
    """Test accuracy in percent, with its uncertainty over seeds and test images."""
    return two_way(data.accuracy(setting).to_numpy())


def _near(data: Measured, rows: pd.DataFrame) -> list[int] | None:
    each = [(int(m), data.accuracy(first(group))) for m, group in rows.groupby("batch_size")]
    if min(len(accuracy) for _, accuracy in each) < FEW:
        return None
    return [each[place][0] for place in near_best([accuracy for _, accuracy in each])]


def time_front(data: Measured) -> pd.DataFrame:
    """The settings at their best η̃ with ``seconds_alone`` (training time of a single model on this
    machine, mean over seeds) and ``front``.

    The fastest setting is on the front, and every slower one with a higher validation accuracy than
    the last on it, if it is also significantly better on test images (paired, at 5% over all
    settings together). Rows are sorted by time; settings without a known time are left out.
    """
    best = data.best.dropna(subset=["base_lr"])
    chosen = data.table.merge(best[[*SETTING, "base_lr"]], on=[*SETTING, "base_lr"])
    seconds = (
        chosen.groupby(SETTING, dropna=False, sort=False)["seconds_alone"].mean().reset_index()
    )
    rows = best.merge(seconds, on=SETTING).dropna(subset=["seconds_alone"])
    rows = rows.sort_values(
        ["seconds_alone", "val_accuracy"], ascending=[True, False], ignore_index=True
    )
    front: list[bool] = []
    held: Row = None
    for _, row in rows.iterrows():
        step = held is None or _better(data, row, held, ALPHA / max(len(rows) - 1, 1))
        front.append(step)
        held = row if step else held
    return rows.assign(front=np.array(front, bool))


def _better(data: Measured, one: Row, two: Row, alpha: float) -> bool:
    """True if `one` is better than `two` on validation images, and significantly on test images."""
    if one["val_accuracy"] <= two["val_accuracy"]:
        return False
    gap = compare(data, one, two)
    return gap.known and gap.seeds >= FEW and gap.p_above(0.0) <= alpha


def in_time(front: pd.DataFrame, seconds: float) -> pd.Series | None:
    """The setting on the front with the best validation accuracy in at most `seconds`, or None."""
    within = front[front["front"] & (front["seconds_alone"] <= seconds)]
    return None if within.empty else within.iloc[-1]


def wrong_rates(data: Measured) -> pd.DataFrame:
    """The loss in test accuracy (in points) of each setting at SHIFTS octaves from its best η̃:
    ``shift, lost, failed, seeds``.

    Means over seeds; a diverged point counts as predicting the most frequent class.
    """
    cells = with_failed(rates(data.table), data.best).dropna(subset=["best_lr"])
    top = cells[cells["base_lr"] == cells["best_lr"]][[*SETTING, "test_accuracy"]]
    cells = cells.merge(top.rename(columns={"test_accuracy": "top"}), on=SETTING)
    octaves = np.log2(cells["base_lr"] / cells["best_lr"])
    near = (octaves - octaves.round()).abs() < 0.1
    cells = cells.assign(
        shift=octaves.round().astype(int), lost=100 * (cells["top"] - cells["test_accuracy"])
    )
    cells = cells.assign(away=(octaves - octaves.round()).abs())[near & cells["shift"].isin(SHIFTS)]
    # Keep the nearest η̃ for each shift.
    cells = (
        cells.sort_values("away", kind="stable").drop_duplicates([*SETTING, "shift"]).sort_index()
    )
    return cells[[*SETTING, "shift", "lost", "failed", "seeds"]].reset_index(drop=True)
