"""The data for claims, answers and advice: a study's tables, its planned settings, and the
selection of the best ones."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING, Row, next_fails, of_setting, rates
from smallbatch.analysis.effect import Effect, two_way, with_tails
from smallbatch.analysis.scaling import exponents
from smallbatch.core.rates import format_rate, rate_text
from smallbatch.core.records import GridRow
from smallbatch.core.text import count_text, norm_text

Fix = tuple[str, list[float]]  # a key of the study and the rates to set it to


@dataclass(frozen=True)
class Measured:
    table: pd.DataFrame  # one row per point and budget that contains it
    best: pd.DataFrame  # one row per setting
    planned: list[GridRow]  # rows of `grid.expand`
    correct: Callable[[list[str]], np.ndarray]  # final correctness [points, test images]

    @functools.cached_property
    def exponents(self) -> pd.DataFrame:
        """The scaling of the best rate with m (`scaling.exponents`), cached because resampling
        takes about 1 s."""
        return exponents(self.table, self.best)

    def settings(
        self,
        budget: str,
        norm: str | None = None,
        schedule: str | None = None,
        m: int | None = None,
    ) -> pd.DataFrame:
        """The rows of `best` with this budget and, if given, this norm, schedule and batch size."""
        rows = self.best[self.best["budget"] == budget]
        for key, value in (("norm", norm), ("schedule", schedule), ("batch_size", m)):
            rows = rows if value is None else rows[rows[key] == value]
        return rows

    def points(self, setting: Row, base_lr: float | None = None) -> pd.DataFrame:
        """The points of a setting at `base_lr` (default: its best η̃), sorted by seed."""
        rate = setting["base_lr"] if base_lr is None else base_lr
        found = self.table[of_setting(self.table, setting) & (self.table["base_lr"] == rate)]
        return found.sort_values("seed")

    def accuracy(self, setting: Row, base_lr: float | None = None) -> pd.DataFrame:
        """The correctness of each test image in percent, ``[seeds, images]``, indexed by seed."""
        points = self.points(setting, base_lr)
        return pd.DataFrame(
            100.0 * self.correct(points["point"].tolist()), index=points["seed"].to_numpy()
        )

    def plan(
        self,
        budget: str,
        norm: str | None = None,
        schedule: str | None = None,
        m: int | None = None,
    ) -> list[GridRow]:
        """The planned settings with this budget and, if given, this norm, schedule and batch size,
        each with all of its rates."""
        found: dict[tuple, GridRow] = {}
        for row in self.planned:
            wanted = (("budget", budget), ("norm", norm), ("schedule", schedule), ("batch_size", m))
            if all(value is None or row.get(key) == value for key, value in wanted):
                before = found.get(setting_key(row), row)
                found[setting_key(row)] = {
                    **before,
                    "base_lr": sorted({*row["base_lr"], *before["base_lr"]}),
                }
        return list(found.values())

    def missing(self, planned: list[GridRow]) -> int:
        """The number of points of planned settings that the table lacks."""
        lacking = 0
        for row in planned:
            there = self.table[
                of_setting(self.table, row) & self.table["base_lr"].isin(row["base_lr"])
            ]
            lacking += len(row["base_lr"]) * row["seeds"] - len(there)
        return lacking

    def blocks(self, planned: list[GridRow], chosen: pd.DataFrame) -> tuple[list[str], list[Fix]]:
        """Reasons why a comparison of the `chosen` among the `planned` settings cannot decide
        anything yet, and fixes for them."""
        reasons, fixes = [], []
        if lacking := self.missing(planned):
            said = f"{count_text(lacking, 'planned point')} of its settings {'is' if lacking == 1 else 'are'} missing"
            reasons.append(f"{said} (the command that rebuilds the report trains them)")
        for _, row in chosen.drop_duplicates(SETTING).iterrows():
            if row["edge"]:
                reasons.append(f"the best η̃ of {self.called(row)} lies on the edge of those tried")
                fixes.append(self.wider(row))
        return reasons, fixes

    def near_failing(self, rows: list[Row]) -> list[Row]:
        """The settings, at their η̃, of which a seed fails to train at the next larger η̃ tried."""
        return [
            row
            for row in rows
            if next_fails(self.table[of_setting(self.table, row)], row["base_lr"])
        ]

    def flags(self, rows: list[Row]) -> str:
        """The part of a sentence that names settings near failing, with their worst seeds."""
        named = [
            f"{self.called(row)} at η̃ = {rate_text(row['base_lr'])} (worst seed "
            f"{100 * self.points(row)['test_accuracy'].min():.1f}%)"
            for row in self.near_failing(rows)
        ]
        return f"; a seed fails one step of η̃ above {', '.join(named)}" if named else ""

    def called(self, row: Row) -> str:
        """``m = 8, no norm,``, with the schedule if the study has several."""
        norm = norm_text(row["norm"], row["bn_batch_size"], row["batch_size"])
        name = f"{row['schedule']} with " if self.best["schedule"].nunique() > 1 else ""
        return f"{name}m = {row['batch_size']}, {norm},"

    def wider(self, setting: Row) -> Fix:
        """A fix that adds two rates beyond the edge at which a setting has its best η̃."""
        row = self.row_of(setting)
        tried, best = row["base_lr"], setting["base_lr"]
        if best == tried[0]:
            tried = [tried[0] / 4, tried[0] / 2, *tried]
        if best == tried[-1]:
            tried = [*tried, 2 * tried[-1], 4 * tried[-1]]
        return rates_key(row), tried

    def row_of(self, setting: Row) -> GridRow:
        """The planned row of a setting."""
        return next(
            row for row in self.plan(setting["budget"]) if setting_key(row) == setting_key(setting)
        )


def rates_key(row: GridRow) -> str:
    """The key of the study for rates that apply only to a planned setting's batch size and norm."""
    return f"{row['path']}.base_lr_at.m{row['batch_size']}_{row['norm']}"


def with_rate(data: Measured, setting: Row, rate: float) -> Fix:
    """A fix that adds a rate to a planned setting."""
    row = data.row_of(setting)
    return rates_key(row), [*row["base_lr"], rate]


def overrides(fixes: list[Fix]) -> list[str]:
    """Fixes as overrides of the study, one per key."""
    merged: dict[str, set] = {}
    for key, wanted in fixes:
        merged.setdefault(key, set()).update(wanted)
    return [
        f"{key}=[{','.join(format_rate(rate) for rate in sorted(wanted))}]"
        for key, wanted in merged.items()
    ]


def setting_key(row: Row) -> tuple:
    """A hashable key of a setting, for comparison and lookup."""
    return tuple(None if pd.isna(row[key]) else row[key] for key in SETTING)


def first(rows: pd.DataFrame) -> pd.Series:
    """The best of some settings by validation accuracy; ties are resolved by lower validation loss,
    then by smaller η̃."""
    return (
        rows.dropna(subset=["base_lr"])
        .sort_values(
            ["val_accuracy", "val_loss", "base_lr"], ascending=[False, True, True], kind="stable"
        )
        .iloc[0]
    )


def difference(one: pd.DataFrame, two: pd.DataFrame) -> np.ndarray:
    """Paired differences ``[seeds, images]`` over the seeds that both have: runs with the same seed
    start from the same weights and use the same examples."""
    seeds = one.index.intersection(two.index)
    return one.loc[seeds].to_numpy() - two.loc[seeds].to_numpy()


def compare(data: Measured, one: Row, two: Row) -> Effect:
    """Test accuracy of the setting `one` minus that of `two`, in points."""
    return two_way(difference(data.accuracy(one), data.accuracy(two)))


def compare_for_claim(data: Measured, one: Row, two: Row) -> Effect:
    """The same with what a claim needs besides; see `tested`."""
    return tested(data, difference(data.accuracy(one), data.accuracy(two)), [one, two])


def tested(data: Measured, differences: np.ndarray, rows: list[Row]) -> Effect:
    """The effect of paired differences ``[seeds, images]`` between settings, for a claim; with its
    ``tails`` if one of them is near failing."""
    effect = two_way(differences, bootstrap=True)
    if not data.near_failing(rows):
        return effect
    return replace(effect, tails=with_tails(differences, two_way).tails)


def cross_fitted(data: Measured, ones: pd.DataFrame, twos: pd.DataFrame) -> np.ndarray | None:
    """The best of `ones` minus the best of `twos` ``[seeds, images]``, selected for each seed on
    the other seeds; see `chosen_without`."""
    pair = chosen_without(data, ones, twos)
    if pair is None:
        return None
    one, two = (100.0 * data.correct(points["point"].tolist()) for points in pair)
    return one - two


def chosen_without(data: Measured, *sides: pd.DataFrame) -> list[pd.DataFrame] | None:
    """For each set of settings, one point per seed, from the setting and rate that are best on the
    validation images over the other seeds.

    None if the sets have fewer than three seeds in common.
    """
    cells = [_Cells(data, side) for side in sides]
    seeds = [seed for seed in cells[0].seeds if all(seed in one.seeds for one in cells)]
    if len(seeds) < 3:
        return None
    table = data.table.drop_duplicates("point").set_index("point", drop=False)
    return [table.loc[[one.points.at[one.choose(seed), seed] for seed in seeds]] for one in cells]


def other_rates(
    data: Measured, setting: pd.DataFrame, rates: dict[Any, float]
) -> dict[Any, str] | None:
    """The point of each seed in `rates` at the best rate of a setting but that one, selected on the
    other seeds."""
    cells = _Cells(data, setting)
    if len(cells.rates) < 2 or any(seed not in cells.seeds for seed in rates):
        return None
    return {seed: cells.points.at[cells.choose(seed, skip), seed] for seed, skip in rates.items()}


class _Cells:
    """The eligible settings and rates, with validation accuracy, loss and point ``[cells,
    seeds]``."""

    def __init__(self, data: Measured, settings: pd.DataFrame):
        wanted = {setting_key(row) for _, row in settings.iterrows()}
        keys = data.table[SETTING].itertuples(index=False)
        table = data.table[
            [tuple(None if pd.isna(value) else value for value in key) in wanted for key in keys]
        ]
        cells = rates(table)
        cells = cells[cells["eligible"]].reset_index(drop=True)
        cells["cell"] = cells.index
        rows = table.merge(cells[[*SETTING, "base_lr", "cell"]], on=[*SETTING, "base_lr"])
        self.points, self.accuracy, self.loss = (
            rows.pivot(index="cell", columns="seed", values=value).dropna(axis=1)
            for value in ("point", "val_accuracy", "val_loss")
        )
        self.seeds, self.rates = list(self.points.columns), cells["base_lr"].to_numpy()

    def choose(self, without: Any, skip: float | None = None) -> int:
        """The best cell over all seeds except `without`, by the criteria of `best_settings` and
        `first`; not one with the rate `skip`."""
        others = [seed for seed in self.seeds if seed != without]
        accuracy = self.accuracy[others].to_numpy().mean(1).round(12)
        if skip is not None:
            accuracy = np.where(self.rates == skip, -1.0, accuracy)
        loss = self.loss[others].to_numpy().mean(1)
        return int(np.lexsort((self.rates, loss, -accuracy))[0])
