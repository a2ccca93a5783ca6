"""What claims, answers and advice are read from: a study's tables, what was planned, and the settings that were chosen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING, of_setting, rates
from smallbatch.analysis.effect import Effect, two_way
from smallbatch.rates import format_rate
from smallbatch.text import count_text, norm_text


@dataclass(frozen=True)
class Measured:
    table: pd.DataFrame  # a row per point and budget that it stands in
    best: pd.DataFrame  # a row per setting
    planned: list[dict]  # rows of `plan.expand`
    correct: Callable[[list[str]], np.ndarray]  # final correctness [points, test images]

    def settings(self, budget: str, norm: str | None = None, schedule: str | None = None, m=None) -> pd.DataFrame:
        """The rows of `best` of a budget, and of a kind of norm, a schedule and a batch size where they are given."""
        rows = self.best[self.best["budget"] == budget]
        for key, value in (("norm", norm), ("schedule", schedule), ("batch_size", m)):
            rows = rows if value is None else rows[rows[key] == value]
        return rows

    def points(self, setting, base_lr: float | None = None) -> pd.DataFrame:
        """The points of a setting, at its best η̃ if none is given, by seed."""
        rate = setting["base_lr"] if base_lr is None else base_lr
        found = self.table[of_setting(self.table, setting) & (self.table["base_lr"] == rate)]
        return found.sort_values("seed")

    def accuracy(self, setting, base_lr: float | None = None) -> pd.DataFrame:
        """The correctness of each test image in percent, ``[seeds, images]``, indexed by seed."""
        points = self.points(setting, base_lr)
        return pd.DataFrame(100.0 * self.correct(points["point"].tolist()), index=points["seed"].to_numpy())

    def missing(self, settings: pd.DataFrame) -> int:
        """Planned points of some settings that the table lacks."""
        lacking = 0
        for row in self._planned(settings):
            there = self.table[of_setting(self.table, row) & self.table["base_lr"].isin(row["base_lr"])]
            lacking += len(row["base_lr"]) * row["seeds"] - len(there)
        return lacking

    def blocks(self, candidates: pd.DataFrame, chosen: pd.DataFrame) -> tuple[list[str], list[str]]:
        """Why a comparison of the best of `candidates`, which are `chosen`, decides nothing yet, and overrides that help."""
        reasons, fixes = [], []
        if lacking := self.missing(candidates):
            reasons.append(
                f"{count_text(lacking, 'planned point')} of its settings {'is' if lacking == 1 else 'are'} missing"
            )
        for _, row in chosen.drop_duplicates(SETTING).iterrows():
            if row["edge"]:
                norm = norm_text(row["norm"], row["bn_batch_size"], row["batch_size"])
                name = f"{row['schedule']} with " if self.best["schedule"].nunique() > 1 else ""
                reasons.append(f"the best η̃ of {name}m = {row['batch_size']}, {norm}, lies on the edge of those tried")
                fixes.append(self.wider(row))
        return reasons, fixes

    def wider(self, setting) -> str:
        """The override that adds two rates beyond the edge on which the best η̃ of a setting lies."""
        row = next(iter(self._planned(pd.DataFrame([setting]))))
        tried, best = sorted(row["base_lr"]), setting["base_lr"]
        if best == tried[0]:
            tried = [tried[0] / 4, tried[0] / 2, *tried]
        if best == tried[-1]:
            tried = [*tried, 2 * tried[-1], 4 * tried[-1]]
        key = f"{row['path']}.base_lr_at.m{row['batch_size']}_{row['norm']}"
        return f"{key}=[{','.join(format_rate(rate) for rate in tried)}]"

    def _planned(self, settings: pd.DataFrame) -> list[dict]:
        wanted = {setting_key(row) for _, row in settings.iterrows()}
        unique = {}
        for row in self.planned:
            if setting_key(row) in wanted:
                before = unique.get(setting_key(row))
                lrs = {*row["base_lr"], *(before["base_lr"] if before else [])}
                unique[setting_key(row)] = (before or row) | {"base_lr": sorted(lrs)}
        return list(unique.values())


def setting_key(row) -> tuple:
    """What tells a setting from others, to compare and look up by."""
    return tuple(None if pd.isna(row[key]) else row[key] for key in SETTING)


def first(rows: pd.DataFrame) -> pd.Series:
    """The best of some settings by validation accuracy, the smaller batch of equals."""
    return rows.dropna(subset=["base_lr"]).sort_values(
        ["val_accuracy", "batch_size"], ascending=[False, True], kind="stable"
    ).iloc[0]  # fmt: skip


def difference(one: pd.DataFrame, two: pd.DataFrame) -> np.ndarray:
    """``[seeds, images]``, paired: the same seed starts from the same weights and sees the same examples."""
    seeds = one.index.intersection(two.index)
    return one.loc[seeds].to_numpy() - two.loc[seeds].to_numpy()


def compare(data: Measured, one, two, bootstrap: bool = False) -> Effect:
    """Test accuracy of the setting `one` minus that of `two`, in points."""
    return two_way(difference(data.accuracy(one), data.accuracy(two)), bootstrap)


def cross_fitted(data: Measured, ones: pd.DataFrame, twos: pd.DataFrame) -> Effect | None:
    """The best of `ones` minus the best of `twos`, for every seed chosen on the validation images of the other seeds."""
    sides = [_Cells(data, side) for side in (ones, twos)]
    seeds = [seed for seed in sides[0].seeds if seed in sides[1].seeds]
    if len(seeds) < 3 or not all(len(side.points) for side in sides):
        return None
    chosen = [[side.points.at[side.choose(seed), seed] for seed in seeds] for side in sides]
    one, two = (100.0 * data.correct(points) for points in chosen)
    return two_way(one - two)


class _Cells:
    """The settings and rates that may be best, with validation accuracy, loss and point ``[cells, seeds]``."""

    def __init__(self, data: Measured, settings: pd.DataFrame):
        wanted = {setting_key(row) for _, row in settings.iterrows()}
        table = data.table[[key in wanted for key in map(tuple, _plain(data.table[SETTING]))]]
        cells = rates(table)
        cells = cells[cells["eligible"]].reset_index(drop=True)
        cells["cell"] = cells.index
        keys = [*SETTING, "base_lr"]
        rows = table.merge(cells[[*keys, "cell"]], on=keys)
        self.points, self.accuracy, self.loss = (
            rows.pivot(index="cell", columns="seed", values=value) for value in ("point", "val_accuracy", "val_loss")
        )
        self.seeds = list(self.points.columns)
        order = {key: i for i, key in enumerate(map(tuple, _plain(settings[SETTING])))}
        self.rank = [order[key] for key in map(tuple, _plain(cells[SETTING]))]
        self.sizes, self.rates = cells["batch_size"].to_numpy(), cells["base_lr"].to_numpy()

    def choose(self, without) -> int:
        """The cell that is best on the seeds other than `without`: as `best_settings` and `first` choose."""
        others = [seed for seed in self.seeds if seed != without]
        accuracy = self.accuracy[others].to_numpy().mean(1).round(12)
        loss = self.loss[others].to_numpy().mean(1)
        return int(np.lexsort((self.rates, loss, self.rank, self.sizes, -accuracy))[0])


def _plain(frame: pd.DataFrame) -> list[list]:
    return [[None if pd.isna(value) else value for value in row] for row in frame.itertuples(index=False)]
