"""Claims about schedules: the same accuracy with fewer updates, and a lower training loss."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import Row, at_rate, of_setting, rates, same_network
from smallbatch.analysis.claims.batch_size import never_trains
from smallbatch.analysis.claims.verdict import Evidence, directional, equivalent
from smallbatch.analysis.effect import Effect, paired, two_way, with_tails
from smallbatch.analysis.measured import (
    Measured,
    chosen_without,
    compare_for_claim,
    first,
    with_rate,
)
from smallbatch.analysis.phrases import percent
from smallbatch.core.rates import rate_text
from smallbatch.core.records import PlannedClaim
from smallbatch.core.text import budget_text, count_text


def same_accuracy_fewer_updates(claim: PlannedClaim, data: Measured) -> Evidence:
    """Test accuracies that differ by less than the margin, with fewer updates, both at the η̃ chosen
    for the schedule that is compared with.

    At the same η̃ both are the same course of the noise scale; each at its own best would be two
    courses.
    """
    rule, statistic = (
        equivalent(claim["margin"]),
        f"test accuracy, {claim['schedule']} minus {claim['against']}, at the η̃ chosen for {claim['against']}",
    )
    sides = [
        data.settings(claim["budget"], claim["norm"], claim[key], claim["batch_size"])
        for key in ("schedule", "against")
    ]
    if any(side.dropna(subset=["base_lr"]).empty for side in sides):
        return Evidence(
            rule, "points", statistic, blocked=["it needs both schedules, at rates that train"]
        )
    two = first(sides[1])
    alike = sides[0][same_network(sides[0], two)]
    if alike.empty:
        reason = f"{claim['schedule']} has no setting like {data.called(two).rstrip(',')}"
        return Evidence(rule, "points", statistic, blocked=[reason])
    own = alike.iloc[0]
    one = at_rate(own, two["base_lr"])
    planned = [
        row
        for key in ("schedule", "against")
        for row in data.plan(claim["budget"], claim["norm"], claim[key], claim["batch_size"])
    ]
    reasons, fixes = data.blocks(planned, pd.DataFrame([two]))
    if data.points(one).empty:
        reasons.append(f"η̃ = {rate_text(two['base_lr'])} was not tried with {claim['schedule']}")
        fixes.append(with_rate(data, own, two["base_lr"]))
        return Evidence(rule, "points", statistic, blocked=reasons, fixes=fixes)
    updates = [data.points(row)["updates"].mean() for row in (one, two)]
    return Evidence(
        rule,
        "points",
        statistic,
        [compare_for_claim(data, one, two)],
        [claim["against"]],
        f"{_reached(data, own, one, two)}, at {budget_text(claim['budget'])}{data.flags([one, two])}",
        reasons,
        fixes,
        _accuracy_without(data, sides),
        holds=bool(updates[0] < updates[1]),
    )


def _reached(data: Measured, own: Row, one: Row, two: Row) -> str:
    """What both schedules reached and spent at the η̃ of the second, and the first one at its own
    best."""
    parts = [
        f"{row['schedule']} (first m = {row['batch_size']}) {100 * points['test_accuracy'].mean():.1f}% after "
        f"{count_text(round(points['updates'].mean()), 'update')}"
        for row, points in ((row, data.points(row)) for row in (one, two))
    ]
    text = f"{'; '.join(parts)}, both at η̃ = {rate_text(two['base_lr'])}"
    if pd.isna(own["base_lr"]) or own["base_lr"] == two["base_lr"]:
        return text
    return (
        f"{text}; {own['schedule']} at its own best η̃ = {rate_text(own['base_lr'])} {percent(own)}"
    )


def _accuracy_without(data: Measured, sides: list[pd.DataFrame]) -> list[Effect] | None:
    """The effect with the setting and η̃ of the second side selected for each seed on the other
    seeds."""
    chosen = chosen_without(data, sides[1].dropna(subset=["base_lr"]))
    if chosen is None:
        return None
    ours = []
    for _, point in chosen[0].iterrows():
        alike = sides[0][same_network(sides[0], point)]
        if alike.empty:
            return None
        points = data.points(alike.iloc[0], point["base_lr"])
        ours += points[points["seed"] == point["seed"]]["point"].tolist()
    if len(ours) < len(chosen[0]):
        return None
    theirs = data.correct(chosen[0]["point"].tolist())
    return [two_way(100.0 * (data.correct(ours).astype(float) - theirs))]


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
    groups = [group for _, group in theirs.dropna(subset=["base_lr"]).groupby("batch_size")]
    one, *rivals = [
        lowest_loss(data, group) for group in (ours.dropna(subset=["base_lr"]), *groups)
    ]
    planned = data.plan(claim["budget"], claim["norm"], claim["schedule"], claim["batch_size"])
    planned += data.plan(claim["budget"], claim["norm"], claim["against"])
    reasons, fixes = data.blocks(planned, pd.DataFrame([one, *rivals]))
    reasons += never_trains(theirs)
    losses = [_log_loss(data, row) for row in (one, *rivals)]
    effects = []
    for row, loss in zip(rivals, losses[1:], strict=True):
        seeds = loss.index.intersection(losses[0].index)
        gaps = (loss.loc[seeds] - losses[0].loc[seeds]).to_numpy()
        unsafe = data.near_failing([one, row])
        effects.append(with_tails(gaps, paired) if unsafe else paired(gaps))
    listed = ", ".join(
        f"{np.exp(loss.mean()):.3g} with {row['schedule']} m = {row['batch_size']} at η̃ = {rate_text(row['base_lr'])}"
        for row, loss in zip((one, *rivals), losses, strict=True)
    )
    return Evidence(
        rule,
        "of log loss",
        statistic,
        effects,
        [f"m = {row['batch_size']}" for row in rivals],
        f"final training loss {listed} (geometric means), at {budget_text(claim['budget'])}{data.flags([one, *rivals])}",
        reasons,
        fixes,
        _losses_without(data, ours.dropna(subset=["base_lr"]), groups),
    )


def lowest_loss(data: Measured, settings: pd.DataFrame) -> Row:
    """The setting and η̃ with the lowest mean of the logarithm of the training loss: what the claim
    is about, not the validation accuracy."""
    place, rate = _log_losses(data, settings).mean(axis=1).idxmin()
    row = at_rate(settings.iloc[place], rate)
    tried = data.table[of_setting(data.table, row)]["base_lr"]
    row["edge"] = rate in (tried.min(), tried.max())
    return row


def _log_losses(data: Measured, settings: pd.DataFrame) -> pd.DataFrame:
    """The logarithm of the training loss ``[(setting, rate), seeds]`` of rates that train every
    seed."""
    found = {}
    for place in range(len(settings)):
        row = settings.iloc[place]
        cells = rates(data.table[of_setting(data.table, row)])
        for rate in cells[cells["eligible"]]["base_lr"]:
            found[place, rate] = _log_loss(data, at_rate(row, rate))
    return pd.DataFrame(found).T.dropna(axis=1)


def _losses_without(
    data: Measured, ours: pd.DataFrame, rivals: list[pd.DataFrame]
) -> list[Effect] | None:
    """The effects with all settings selected for each seed on the other seeds."""
    mine, effects = _log_losses(data, ours), []
    for rival in rivals:
        theirs = _log_losses(data, rival)
        seeds = mine.columns.intersection(theirs.columns)
        if len(seeds) < 3:
            return None
        pairs = [[_other_seeds(one[seeds], seed) for one in (theirs, mine)] for seed in seeds]
        effects.append(paired(np.array([two - one for two, one in pairs])))
    return effects


def _other_seeds(losses: pd.DataFrame, seed: int) -> float:
    """The loss of a seed at the setting and η̃ with the lowest mean over the others."""
    return float(losses.loc[losses.drop(columns=seed).mean(axis=1).idxmin(), seed])


def _log_loss(data: Measured, setting: Row) -> pd.Series:
    return _logarithm(data.points(setting))


def _logarithm(points: pd.DataFrame) -> pd.Series:
    return pd.Series(
        np.log(points["train_loss"].clip(lower=1e-12).to_numpy()), index=points["seed"].to_numpy()
    )
