"""Claims about schedules: the same accuracy with fewer updates, and a lower training loss."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import Row
from smallbatch.analysis.claims.batch_size import never_trains
from smallbatch.analysis.claims.verdict import Evidence, directional, equivalent
from smallbatch.analysis.effect import Effect, paired, two_way
from smallbatch.analysis.measured import Measured, chosen_without, compare, cross_fitted, first
from smallbatch.analysis.phrases import percent
from smallbatch.core.records import PlannedClaim
from smallbatch.core.text import budget_text, count_text


def same_accuracy_fewer_updates(claim: PlannedClaim, data: Measured) -> Evidence:
    """Test accuracies that differ by less than the margin, with fewer updates."""
    rule, statistic = (
        equivalent(claim["margin"]),
        f"test accuracy, {claim['schedule']} minus {claim['against']}",
    )
    sides = [
        data.settings(claim["budget"], claim["norm"], claim[key], claim["batch_size"])
        for key in ("schedule", "against")
    ]
    if any(side.dropna(subset=["base_lr"]).empty for side in sides):
        return Evidence(
            rule, "points", statistic, blocked=["it needs both schedules, at rates that train"]
        )
    one, two = first(sides[0]), first(sides[1])
    updates = [data.points(row)["updates"].mean() for row in (one, two)]
    planned = [
        row
        for key in ("schedule", "against")
        for row in data.plan(claim["budget"], claim["norm"], claim[key], claim["batch_size"])
    ]
    reasons, fixes = data.blocks(planned, pd.DataFrame([one, two]))
    other = cross_fitted(data, *(side.dropna(subset=["base_lr"]) for side in sides))
    reached = [
        f"{row['schedule']} (first m = {row['batch_size']}) {percent(row)} after {count_text(round(n), 'update')}"
        for row, n in zip((one, two), updates, strict=True)
    ]
    return Evidence(
        rule,
        "points",
        statistic,
        [compare(data, one, two, bootstrap=True)],
        [claim["against"]],
        f"{'; '.join(reached)}, at {budget_text(claim['budget'])}",
        reasons,
        fixes,
        None if other is None else [two_way(other)],
        holds=bool(updates[0] < updates[1]),
    )


def lower_training_loss(claim: PlannedClaim, data: Measured) -> Evidence:
    """The logarithm of the final training loss: each fixed m minus the adaptive schedule, paired by
    seed."""
    rule, statistic = (
        directional(claim["delta"]),
        f"log training loss, {claim['against']} minus {claim['schedule']}",
    )
    ours = data.settings(claim["budget"], claim["norm"], claim["schedule"], claim["batch_size"])
    theirs = data.settings(claim["budget"], claim["norm"], claim["against"])
    if ours.dropna(subset=["base_lr"]).empty or theirs.dropna(subset=["base_lr"]).empty:
        return Evidence(
            rule, "of log loss", statistic, blocked=["it needs both schedules, at rates that train"]
        )
    one = first(ours)
    groups = [group for _, group in theirs.dropna(subset=["base_lr"]).groupby("batch_size")]
    rivals = [first(group) for group in groups]
    planned = data.plan(claim["budget"], claim["norm"], claim["schedule"], claim["batch_size"])
    planned += data.plan(claim["budget"], claim["norm"], claim["against"])
    reasons, fixes = data.blocks(planned, pd.DataFrame([one, *rivals]))
    reasons += never_trains(theirs)
    losses = [_log_loss(data, row) for row in (one, *rivals)]
    effects = []
    for loss in losses[1:]:
        seeds = loss.index.intersection(losses[0].index)
        effects.append(paired((loss.loc[seeds] - losses[0].loc[seeds]).to_numpy()))
    listed = ", ".join(
        f"{np.exp(loss.mean()):.3g} with {row['schedule']} m = {row['batch_size']}"
        for row, loss in zip((one, *rivals), losses, strict=True)
    )
    return Evidence(
        rule,
        "of log loss",
        statistic,
        effects,
        [f"m = {row['batch_size']}" for row in rivals],
        f"final training loss {listed} (geometric means), at {budget_text(claim['budget'])}",
        reasons,
        fixes,
        _losses_without(data, ours.dropna(subset=["base_lr"]), groups),
    )


def _losses_without(
    data: Measured, ours: pd.DataFrame, rivals: list[pd.DataFrame]
) -> list[Effect] | None:
    """The effects with all settings selected for each seed on the other seeds."""
    pairs = [chosen_without(data, ours, rival) for rival in rivals]
    known = [pair for pair in pairs if pair is not None]
    if len(known) < len(pairs):
        return None
    return [paired(_logarithm(two).to_numpy() - _logarithm(one).to_numpy()) for one, two in known]


def _log_loss(data: Measured, setting: Row) -> pd.Series:
    return _logarithm(data.points(setting))


def _logarithm(points: pd.DataFrame) -> pd.Series:
    return pd.Series(
        np.log(points["train_loss"].clip(lower=1e-12).to_numpy()), index=points["seed"].to_numpy()
    )
