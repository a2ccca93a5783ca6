"""Claims about the batch size: small or large batches, no difference, and batch norm over fewer
examples."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING, Row
from smallbatch.analysis.claims.verdict import Evidence, Rule, directional, equivalent
from smallbatch.analysis.effect import Effect, two_way
from smallbatch.analysis.measured import (
    Measured,
    compare_for_claim,
    cross_fitted,
    difference,
    first,
    setting_key,
    tested,
)
from smallbatch.analysis.phrases import percent, setting_text
from smallbatch.core.records import PlannedClaim
from smallbatch.core.text import budget_text

POINTS = "points"
SEVERAL = "the study has several {}; name one in the claim"


def small_batch(claim: PlannedClaim, data: Measured) -> Evidence:
    """The best setting with m <= limit minus the best above it; the reverse for the test
    large-batch."""
    where = _where(claim)
    rows = data.settings(*where).dropna(subset=["base_lr"])
    small, large = (
        rows[rows["batch_size"] <= claim["limit"]],
        rows[rows["batch_size"] > claim["limit"]],
    )
    limit, is_small = claim["limit"], claim["test"] == "small-batch"
    ones, twos = (small, large) if is_small else (large, small)
    words = (
        f"best m ≤ {limit} minus best above" if is_small else f"best m > {limit} minus best below"
    )
    rule, statistic = directional(claim["delta"]), f"test accuracy, {words}"
    if ones.empty or twos.empty:
        return _nothing(rule, statistic, _one_side(claim, data.settings(*where)))
    one, two = first(ones), first(twos)
    reasons, fixes = data.blocks(data.plan(*where), pd.DataFrame([one, two]))
    # A better m beyond the first side's edge would only add to the difference.
    doubts = on_edge(rows, one["batch_size"], claim["budget"])
    reasons += on_edge(rows, two["batch_size"], claim["budget"])
    other = cross_fitted(data, ones, twos)
    return Evidence(
        rule,
        POINTS,
        statistic,
        [compare_for_claim(data, one, two)],
        [f"m = {two['batch_size']}"],
        f"{_reached(one)}, {_reached(two)}, at {budget_text(claim['budget'])}{_beside(claim, data)}{_edges(data, rows, one, two)}{data.flags([one, two])}",
        reasons,
        fixes,
        None if other is None else [two_way(other)],
        doubts=doubts,
    )


def no_difference(claim: PlannedClaim, data: Measured) -> Evidence:
    """The best batch size minus each of the others, each at its best setting: all differences
    within the margin."""
    where = _where(claim)
    planned = data.settings(*where)
    rows = planned.dropna(subset=["base_lr"])
    rule, statistic = (
        equivalent(claim["margin"]),
        "test accuracy, best m minus each other m, the widest gap",
    )
    if rows["batch_size"].nunique() < 2:
        return _nothing(rule, statistic, "it needs two batch sizes that train")
    by_size = dict(list(rows.groupby("batch_size")))
    each = pd.DataFrame([first(group) for group in by_size.values()])
    top = first(each)
    others = each[each["batch_size"] != top["batch_size"]]
    reasons, fixes = data.blocks(data.plan(*where), each)
    reasons += never_trains(planned)
    listed = ", ".join(f"{percent(row)} at m = {row['batch_size']}" for _, row in each.iterrows())
    crossed = [
        cross_fitted(data, by_size[top["batch_size"]], by_size[m]) for m in others["batch_size"]
    ]
    return Evidence(
        rule,
        POINTS,
        statistic,
        [compare_for_claim(data, top, row) for _, row in others.iterrows()],
        [f"m = {m}" for m in others["batch_size"]],
        f"{listed}, at {budget_text(claim['budget'])}{_beside(claim, data)}{data.flags(rows_of(each))}",
        reasons,
        fixes,
        _all_known(crossed),
    )


def bn_batch(claim: PlannedClaim, data: Measured) -> Evidence:
    """Batch norm over fewer examples minus batch norm over the whole batch, as the mean over the m
    with both."""
    rows = data.settings(claim["budget"], "bn", claim["schedule"])
    rule, statistic = (
        directional(claim["delta"]),
        "test accuracy, best smaller BN batch minus whole batch, mean over m",
    )
    if rows["schedule"].nunique() > 1:
        return _nothing(rule, statistic, SEVERAL.format("schedules"))
    pairs, planned = [], []
    for m, group in rows.groupby("batch_size"):
        whole, ghost = group[group["bn_batch_size"] == m], group[group["bn_batch_size"] < m]
        if len(whole) and len(ghost):
            planned += data.plan(claim["budget"], "bn", claim["schedule"], m)
            trained = whole["base_lr"].notna().all() and ghost["base_lr"].notna().any()
            pairs.append((first(ghost), whole.iloc[0], ghost) if trained else None)
    known = [pair for pair in pairs if pair is not None]
    if not pairs or len(known) < len(pairs):
        reason = "it needs batch norm over the batch and over fewer examples, that train, at one m"
        return _nothing(rule, statistic, reason)
    differences = [
        difference(data.accuracy(ghost), data.accuracy(whole)) for ghost, whole, _ in known
    ]
    if len({one.shape for one in differences}) > 1:
        return _nothing(rule, statistic, "not every batch size has the same seeds yet")
    crossed = [cross_fitted(data, ghosts, pd.DataFrame([whole])) for _, whole, ghosts in known]
    crossed_known = [one for one in crossed if one is not None]
    same = len(crossed_known) == len(crossed) and all(
        one.shape == differences[0].shape for one in crossed_known
    )
    chosen = pd.DataFrame([row for ghost, whole, _ in known for row in (ghost, whole)])
    reasons, fixes = data.blocks(planned, chosen)
    reasons += [said for ghost, _, ghosts in known if (said := _edge_of_norm(ghost, ghosts))]
    listed = "; ".join(
        f"m = {whole['batch_size']}: {percent(ghost)} over {ghost['bn_batch_size']}, {percent(whole)} over the batch"
        for ghost, whole, _ in known
    )
    return Evidence(
        rule,
        POINTS,
        statistic,
        [tested(data, _mean(differences), rows_of(chosen))],
        ["the whole batch"],
        f"{listed}, at {budget_text(claim['budget'])}{data.flags(rows_of(chosen))}",
        reasons,
        fixes,
        [two_way(_mean(crossed_known))] if same else None,
    )


def on_edge(rows: pd.DataFrame, m: int, budget: str) -> list[str]:
    """A reason if a best batch size is the smallest (above 1) or the largest of those tried."""
    tried = rows["batch_size"]
    end = "smallest" if m == tried.min() and m > 1 else "largest" if m == tried.max() else None
    if end is None:
        return []
    return [
        f"the best of its side, m = {m}, is the {end} tried at {budget_text(budget)} "
        f"(a {'smaller' if end == 'smallest' else 'larger'} one would show)"
    ]


def _edge_of_norm(chosen: Row, ghosts: pd.DataFrame) -> str | None:
    """A reason if the best BN batch size is an end of those tried, with untried ones beyond."""
    b, m, tried = chosen["bn_batch_size"], chosen["batch_size"], ghosts["bn_batch_size"]
    beyond = [b // 2] if b == tried.min() and b > 2 else []
    beyond += [2 * b] if b == tried.max() and 2 * b < m else []
    if not beyond:
        return None
    added = " and ".join(f"bn:{size}" for size in beyond)
    return (
        f"the best smaller BN batch at m = {m}, {b}, is an end of those tried ({added} would show)"
    )


def rows_of(frame: pd.DataFrame) -> list[Row]:
    return [row for _, row in frame.iterrows()]


def _mean(arrays: list[np.ndarray]) -> np.ndarray:
    return np.asarray(sum(arrays) / len(arrays))


def _all_known(crossed: list[np.ndarray | None]) -> list[Effect] | None:
    """The effects of differences; None if one of them is unknown."""
    known = [one for one in crossed if one is not None]
    return [two_way(one) for one in known] if len(known) == len(crossed) else None


def several(rows: pd.DataFrame) -> str | None:
    """The reason why settings do not form a single line over m, or None."""
    for key, what in (("norm", "kinds of norm"), ("schedule", "schedules")):
        if rows[key].nunique() > 1:
            return SEVERAL.format(what)
    return "no setting has its norm over the whole batch" if rows.empty else None


def never_trains(planned: pd.DataFrame) -> list[str]:
    """A reason to block the claim if no η̃ trains every seed at some m."""
    dead = sorted(m for m, group in planned.groupby("batch_size") if group["base_lr"].isna().all())
    return [f"no η̃ trains every seed at m = {', '.join(map(str, dead))}"] if dead else []


def _where(claim: PlannedClaim) -> tuple:
    return claim["budget"], claim["norm"], claim["schedule"]


def _nothing(rule: Rule, statistic: str, reason: str) -> Evidence:
    return Evidence(rule, POINTS, statistic, blocked=[reason])


def _one_side(claim: PlannedClaim, planned: pd.DataFrame) -> str:
    sides = {
        "up to": planned["batch_size"] <= claim["limit"],
        "above": planned["batch_size"] > claim["limit"],
    }
    empty = [name for name, there in sides.items() if not there.any()]
    if empty:
        return f"the grid has no batch size {empty[0]} {claim['limit']} here; add one to grid.batch_size"
    return f"no setting on one side of m = {claim['limit']} trains every seed"


def _reached(row: Row) -> str:
    return f"m = {row['batch_size']} with {setting_text(row)} reached {percent(row)}"


def _edges(data: Measured, rows: pd.DataFrame, *chosen: Row) -> str:
    """Settings that were not chosen, but might be better with a wider grid."""
    keys = {setting_key(row) for row in chosen}
    others = [
        row
        for _, row in rows.drop_duplicates(SETTING).iterrows()
        if row["edge"] and setting_key(row) not in keys
    ]
    names = "; ".join(data.called(row).rstrip(",") for row in others)
    return f"; not chosen, with their best η̃ on the edge of those tried: {names}" if others else ""


def _beside(claim: PlannedClaim, data: Measured) -> str:
    """The same comparison in the study's other budgets, since small batches gain mostly by making
    more updates."""
    parts = []
    for budget in dict.fromkeys(data.best["budget"]):
        rows = data.settings(budget, claim["norm"], claim["schedule"]).dropna(subset=["base_lr"])
        if budget != claim["budget"] and rows["batch_size"].nunique() > 1:
            each = [first(group) for _, group in rows.groupby("batch_size")]
            listed = ", ".join(f"{percent(row)} at m = {row['batch_size']}" for row in each)
            parts.append(f"at {budget_text(budget)} {listed}")
    return f" ({'; '.join(parts)})" if parts else ""
