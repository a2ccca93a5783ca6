"""The best base learning rate of every setting, selected on validation data and reported on test
data."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

Row = Any  # a setting: a mapping with the keys SETTING, either a row of a frame or a dict
SETTING = ["batch_size", "norm", "bn_batch_size", "schedule", "budget"]


@dataclass(frozen=True)
class BestRate:
    """A row of best.csv: a setting with its best η̃. If no η̃ trains every seed, the fields that
    depend on it are None."""

    batch_size: int  # m
    norm: str  # none, bn or gn
    bn_batch_size: (
        int | None
    )  # examples that batch norm normalizes together; empty without batch norm
    schedule: str  # name of the schedule in the study
    budget: str  # epochs:E, updates:U or examples:X
    base_lr: float | None  # η̃ with the best mean validation accuracy over all seeds
    lr: float | None  # η = η̃·m
    val_accuracy: float | None  # mean over seeds, at the best η̃
    test_accuracy: float | None  # mean over seeds, at the best η̃
    ci_low: (
        float | None
    )  # lower end of the 95% t interval of test_accuracy over seeds, on these test images
    ci_high: float | None  # upper end of that interval
    seeds: int  # number of seeds
    edge: bool  # True if no η̃ was tried on one side of the best
    val_loss: float | None  # mean over seeds, at the best η̃
    train_loss: float | None  # geometric mean over seeds, at the best η̃
    test_lowest: float | None  # test accuracy of the worst seed, at the best η̃
    near_failure: bool  # True if a seed fails to train at the next larger η̃ tried


BEST = [field.name for field in dataclasses.fields(BestRate)]
TEXT = ["norm", "schedule", "budget"]  # columns of text, without missing values


def in_budgets(table: pd.DataFrame, budgets: list[dict]) -> pd.DataFrame:
    """The table with one row per point and budget that contains its setting.

    `budgets`: ``[{"budget": name, "settings": [{"batch_size", "norm", "bn_batch_size", "schedule",
    "fleet"}]}]``. A fleet that belongs to two schedules of the study is listed under both.
    """
    settings = [
        {
            "fleet": setting["fleet"],
            "schedule": setting["schedule"],
            "budget": entry["budget"],
            "order": i,
        }
        for i, entry in enumerate(budgets)
        for setting in entry["settings"]
    ]
    names = list(dict.fromkeys(setting["schedule"] for setting in settings))
    found = table.drop(columns=["budget", "schedule"]).merge(
        pd.DataFrame(settings), on="fleet", how="inner"
    )
    found["bn_batch_size"] = found["bn_batch_size"].astype("Int64")
    # Without norm first, then BN over the batch, then BN over increasing numbers of examples.
    ghost = (found["bn_batch_size"] != found["batch_size"]) * found["bn_batch_size"]
    found["rank"] = found["norm"].map({"none": -1}).fillna(ghost.fillna(0))
    found["named"] = found["schedule"].map(names.index)
    order = ["order", "rank", "named", "batch_size", "updates_planned", "base_lr", "seed"]
    return found.sort_values(order, ignore_index=True).drop(columns=["order", "rank", "named"])


def rates(table: pd.DataFrame) -> pd.DataFrame:
    """One row per setting and η̃: numbers of seeds and of failed seeds, means over seeds, and
    ``eligible``.

    An η̃ is not eligible as the best if a seed diverged or is untrained, or if another η̃ of the
    setting has more seeds.
    """
    grouped = table.groupby([*SETTING, "base_lr"], dropna=False, sort=False)
    found = grouped.agg(
        lr=("lr", "first"),
        seeds=("seed", "size"),
        diverged=("status", lambda s: int((s == "diverged").sum())),
        untrained=("status", lambda s: int((s == "untrained").sum())),
        train_loss=("train_loss", "mean"),
        val_accuracy=("val_accuracy", "mean"),
        val_loss=("val_loss", "mean"),
        test_accuracy=("test_accuracy", "mean"),
    ).reset_index()
    most = found.groupby(SETTING, dropna=False)["seeds"].transform("max")
    # Ties must not depend on the order of summation.
    found["val_accuracy"] = found["val_accuracy"].round(12)
    found["eligible"] = (found["diverged"] + found["untrained"] == 0) & (found["seeds"] == most)
    return found


def best_settings(table: pd.DataFrame) -> pd.DataFrame:
    """One row per setting, columns BEST: its best η̃ by mean validation accuracy over all seeds.

    Ties are resolved by lower validation loss, then by smaller η̃. ``ci_low`` and ``ci_high`` are
    the 95% t interval of the mean test accuracy over seeds (these test images only). ``edge``: no
    η̃ was tried on one side of the best. If no η̃ trains every seed, ``base_lr`` and the columns
    that depend on it are missing. ``near_failure``: see `next_fails`.
    """
    rows = []
    for setting, group in rates(table).groupby(SETTING, dropna=False, sort=False):
        row = dict(zip(SETTING, setting, strict=True))
        candidates = group[group["eligible"]].sort_values(
            ["val_accuracy", "val_loss", "base_lr"], ascending=[False, True, True]
        )
        if len(candidates):
            chosen = candidates.iloc[0]
            points = table[of_setting(table, row)]
            here = points[points["base_lr"] == chosen["base_lr"]]
            accuracies = here["test_accuracy"].to_numpy()
            low, high = t_interval(accuracies)
            row |= {
                key: chosen[key]
                for key in ("base_lr", "lr", "val_accuracy", "val_loss", "test_accuracy", "seeds")
            }
            # Clip to the range of an accuracy; NaN stays NaN.
            row |= {"ci_low": max(low, 0.0), "ci_high": min(high, 1.0)}
            row["train_loss"] = geometric_mean(here["train_loss"])
            row["test_lowest"] = accuracies.min()
            row["near_failure"] = next_fails(points, chosen["base_lr"])
            row["edge"] = bool(
                chosen["base_lr"] in (group["base_lr"].min(), group["base_lr"].max())
            )
        else:
            row |= {"seeds": int(group["seeds"].max()), "edge": True, "near_failure": False}
        rows.append(row)
    return pd.DataFrame(rows, columns=BEST).astype({"bn_batch_size": "Int64"})


def geometric_mean(losses: pd.Series) -> float:
    """Rounded, since the last digits of numpy's logarithm differ between processors."""
    return float(f"{np.exp(np.log(losses.clip(lower=1e-12)).mean()):.10g}")


def next_fails(points: pd.DataFrame, base_lr: float) -> bool:
    """True if a seed fails to train at the next larger η̃ tried after `base_lr`, among the points of
    a setting. There the test accuracies of some seeds may lie far below the others."""
    larger = points[points["base_lr"] > base_lr]
    following = larger[larger["base_lr"] == larger["base_lr"].min()]
    return bool((following["status"] != "completed").any())


def read_best(path: Path) -> pd.DataFrame:
    """Read a best.csv. Text is not parsed: NA and null are valid names of schedules."""
    numbers = {column: [""] for column in BEST if column not in TEXT}
    return pd.read_csv(
        path, dtype={"bn_batch_size": "Int64"}, keep_default_na=False, na_values=numbers
    )


def best_rates(best: pd.DataFrame) -> list[BestRate]:
    """The rows as records, with None for missing values (NaN in the frame, which is truthy)."""
    rows = best[BEST].astype(object).where(best[BEST].notna(), None)
    return [BestRate(**row) for row in rows.to_dict("records")]


def of_setting(table: pd.DataFrame, setting: Row) -> np.ndarray:
    """Boolean mask of the rows of a table that belong to a setting."""
    same = np.ones(len(table), bool)
    for key in SETTING:
        value = setting[key]
        same &= (
            (table[key].isna() if pd.isna(value) else table[key] == value)
            .fillna(False)
            .to_numpy(bool)
        )
    return same


def at_rate(setting: pd.Series, base_lr: float) -> pd.Series:
    """The setting with another η̃."""
    other = setting.copy()
    other["base_lr"], other["lr"] = base_lr, base_lr * setting["batch_size"]
    return other


def same_network(rows: pd.DataFrame, setting: Row) -> pd.Series:
    """Boolean mask of the rows with the batch size and norm of a setting."""
    same = (rows["batch_size"] == setting["batch_size"]) & (rows["norm"] == setting["norm"])
    b = setting["bn_batch_size"]
    return same & (rows["bn_batch_size"].isna() if pd.isna(b) else rows["bn_batch_size"] == b)


def whole_batch(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without batch norm, or with batch norm over the whole batch."""
    return rows[rows["bn_batch_size"].fillna(rows["batch_size"]) == rows["batch_size"]]


def t_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean; (nan, nan) for fewer than two values."""
    n = len(values)
    if n < 2:
        return np.nan, np.nan
    # The quantile of Student's t; importing scipy.stats for it would take half a second.
    quantile = special.stdtrit(n - 1, (1 + level) / 2)
    mean, half = np.mean(values), quantile * np.std(values, ddof=1) / np.sqrt(n)
    return float(mean - half), float(mean + half)


def with_failed(cells: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """`rates` with ``failed``: the number of diverged seeds, plus untrained ones above the best η̃
    (below it, they only train slowly).

    If a setting has no best η̃, all of its untrained seeds count.
    """
    chosen = cells.merge(
        best[[*SETTING, "base_lr"]].rename(columns={"base_lr": "best_lr"}), on=SETTING, how="left"
    )
    above = ~(chosen["base_lr"] < chosen["best_lr"])  # also true without a best η̃
    return chosen.assign(failed=chosen["diverged"] + chosen["untrained"].where(above, 0))
