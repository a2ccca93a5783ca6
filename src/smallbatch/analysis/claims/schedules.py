"""Claims about schedules: as accurate with fewer updates, and a lower training loss."""

import numpy as np
import pandas as pd

from smallbatch.analysis.claims.verdict import Evidence, directional, equivalent
from smallbatch.analysis.effect import paired
from smallbatch.analysis.measured import Measured, compare, cross_fitted, first
from smallbatch.analysis.phrases import percent
from smallbatch.text import budget_text, count_text


def same_accuracy_fewer_updates(claim: dict, data: Measured) -> Evidence:
    """Test accuracies within the margin of each other, and fewer updates."""
    rule, statistic = equivalent(claim["margin"]), f"test accuracy, {claim['schedule']} minus {claim['against']}"
    sides = [
        data.settings(claim["budget"], claim["norm"], claim[key], claim["batch_size"])
        for key in ("schedule", "against")
    ]
    if any(side.dropna(subset=["base_lr"]).empty for side in sides):
        return Evidence(rule, "points", statistic, blocked=["it needs both schedules, at rates that train"])
    one, two = first(sides[0]), first(sides[1])
    updates = [data.points(row)["updates"].mean() for row in (one, two)]
    reasons, fixes = data.blocks(pd.concat(sides), pd.DataFrame([one, two]))
    other = cross_fitted(data, *(side.dropna(subset=["base_lr"]) for side in sides))
    reached = [
        f"{row['schedule']} (first m = {row['batch_size']}) {percent(row)} after {count_text(round(n), 'update')}"
        for row, n in zip((one, two), updates, strict=True)
    ]
    return Evidence(
        rule, "points", statistic, [compare(data, one, two, bootstrap=True)], [claim["against"]],
        f"{'; '.join(reached)}, at {budget_text(claim['budget'])}", reasons, fixes,
        None if other is None else [other], holds=bool(updates[0] < updates[1]),
    )  # fmt: skip


def lower_training_loss(claim: dict, data: Measured) -> Evidence:
    """The logarithm of the final training loss: every fixed m minus the adaptive schedule, paired by seed."""
    rule, statistic = directional(claim["delta"]), f"log training loss, {claim['against']} minus {claim['schedule']}"
    ours = data.settings(claim["budget"], claim["norm"], claim["schedule"], claim["batch_size"])
    theirs = data.settings(claim["budget"], claim["norm"], claim["against"])
    if ours.dropna(subset=["base_lr"]).empty or theirs.dropna(subset=["base_lr"]).empty:
        return Evidence(rule, "of log loss", statistic, blocked=["it needs both schedules, at rates that train"])
    one = first(ours)
    rivals = [first(group) for _, group in theirs.dropna(subset=["base_lr"]).groupby("batch_size")]
    reasons, fixes = data.blocks(pd.concat([ours, theirs]), pd.DataFrame([one, *rivals]))
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
        rule, "of log loss", statistic, effects, [f"m = {row['batch_size']}" for row in rivals],
        f"final training loss {listed} (geometric means), at {budget_text(claim['budget'])}", reasons, fixes,
    )  # fmt: skip


def _log_loss(data: Measured, setting) -> pd.Series:
    points = data.points(setting)
    return pd.Series(np.log(points["train_loss"].clip(lower=1e-12).to_numpy()), index=points["seed"].to_numpy())
