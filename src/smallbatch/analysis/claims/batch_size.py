"""Claims about the batch size: small against large, no difference, linear scaling, batch norm over fewer examples."""

import pandas as pd

from smallbatch.analysis.claims.verdict import Evidence, directional, equivalent, not_inferior
from smallbatch.analysis.effect import two_way
from smallbatch.analysis.measured import Measured, compare, cross_fitted, difference, first
from smallbatch.analysis.phrases import percent, setting_text
from smallbatch.rates import rate_text
from smallbatch.text import budget_text

POINTS = "points"


def small_batch(claim: dict, data: Measured) -> Evidence:
    """The best setting with m <= limit minus the best above (`large_batch`: the other way round)."""
    rows = data.settings(claim["budget"], claim["norm"]).dropna(subset=["base_lr"])
    small, large = rows[rows["batch_size"] <= claim["limit"]], rows[rows["batch_size"] > claim["limit"]]
    ones, twos = (small, large) if claim["test"] == "small-batch" else (large, small)
    words = (
        f"best m ≤ {claim['limit']} minus best above"
        if ones is small
        else f"best m > {claim['limit']} minus best below"
    )
    rule, statistic = directional(claim["delta"]), f"test accuracy, {words}"
    planned = data.settings(claim["budget"], claim["norm"])
    if ones.empty or twos.empty:
        return _nothing(rule, statistic, _one_side(claim, planned))
    one, two = first(ones), first(twos)
    reasons, fixes = data.blocks(planned, pd.DataFrame([one, two]))
    other = cross_fitted(data, ones, twos)
    return Evidence(
        rule,
        POINTS,
        statistic,
        [compare(data, one, two, bootstrap=True)],
        [f"m = {two['batch_size']}"],
        f"{_reached(one)}, {_reached(two)}, at {budget_text(claim['budget'])}{_beside(claim, data)}",
        reasons,
        fixes,
        None if other is None else [other],
    )


def no_difference(claim: dict, data: Measured) -> Evidence:
    """The best batch size minus each other one, each at its best: all within the margin."""
    planned = data.settings(claim["budget"], claim["norm"])
    rows = planned.dropna(subset=["base_lr"])
    rule, statistic = equivalent(claim["margin"]), "test accuracy, best m minus each other m, the widest gap"
    if rows["batch_size"].nunique() < 2:
        return _nothing(rule, statistic, "it needs two batch sizes that train")
    each = pd.DataFrame([first(group) for _, group in rows.groupby("batch_size")])
    top = first(each)
    others = each[each["batch_size"] != top["batch_size"]]
    reasons, fixes = data.blocks(planned, each)
    if dead := sorted(set(planned["batch_size"]) - set(each["batch_size"])):
        reasons.append(f"no η̃ trains every seed at m = {', '.join(map(str, dead))}")
    listed = ", ".join(f"{percent(row)} at m = {row['batch_size']}" for _, row in each.iterrows())
    return Evidence(
        rule,
        POINTS,
        statistic,
        [compare(data, top, row, bootstrap=True) for _, row in others.iterrows()],
        [f"m = {m}" for m in others["batch_size"]],
        f"{listed}, at {budget_text(claim['budget'])}{_beside(claim, data)}",
        reasons,
        fixes,
    )


def linear_scaling(claim: dict, data: Measured) -> Evidence:
    """At the reference's best η̃ each larger m, up to the limit, minus the reference: none worse by more than the margin."""
    rows = data.settings(claim["budget"], claim["norm"])
    rows = rows[rows["bn_batch_size"].fillna(rows["batch_size"]) == rows["batch_size"]]
    rule, statistic = not_inferior(claim["margin"]), "test accuracy at the reference's η̃, larger m minus reference"
    if rows["norm"].nunique() > 1:
        return _nothing(rule, statistic, "the study has several kinds of norm; name one in the claim's norm")
    sizes = sorted(rows["batch_size"].unique())
    m0 = claim["reference"] or (sizes[0] if sizes else None)
    reference = rows[rows["batch_size"] == m0].dropna(subset=["base_lr"])
    larger = [m for m in sizes if len(reference) and m0 < m <= claim["up_to"]]
    if not larger:
        return _nothing(
            rule, statistic, f"it needs a reference that trains and larger batch sizes up to {claim['up_to']}"
        )
    start = first(reference)
    rate, whole = start["base_lr"], data.accuracy(start)
    reasons, fixes = data.blocks(rows[rows["batch_size"] <= claim["up_to"]], pd.DataFrame([start]))
    effects, held, holding = [], m0, True
    for m in sizes:  # beyond the claim too: how far it holds is told
        if m <= m0:
            continue
        setting = rows[rows["batch_size"] == m].iloc[0]
        scaled = data.accuracy(setting, rate)
        if scaled.empty:
            holding = False
            if m in larger:
                reasons.append(f"η̃ = {rate_text(rate)} was not tried at m = {m}")
            continue
        effect = two_way(difference(scaled, whole), bootstrap=m in larger)
        if m in larger:
            effects.append(effect)
        holding = holding and rule.p_supported(effect) <= 0.05
        held = m if holding else held
    if claim["up_to"] not in sizes:
        reasons.append(f"m = {claim['up_to']} is not in the grid")
    told = f"not worse than m = {m0} by {claim['margin']:g} points, tested upwards, to m = {held}"
    return Evidence(
        rule, POINTS, statistic, effects, [f"m = {m}" for m in larger],
        f"with η̃ = {rate_text(rate)} of m = {m0} kept, {told}, at {budget_text(claim['budget'])}", reasons, fixes,
        last_decides=True,
    )  # fmt: skip


def bn_batch(claim: dict, data: Measured) -> Evidence:
    """Batch norm over fewer examples minus over the whole batch, the mean over the m that have both."""
    rows = data.settings(claim["budget"], "bn")
    rule, statistic = directional(claim["delta"]), "test accuracy, best smaller BN batch minus whole batch, mean over m"
    pairs, planned = [], []
    for m, group in rows.groupby("batch_size"):
        whole, ghost = group[group["bn_batch_size"] == m], group[group["bn_batch_size"] < m]
        if len(whole) and len(ghost):
            planned.append(group)
            trained = whole["base_lr"].notna().all() and ghost["base_lr"].notna().any()
            pairs.append((first(ghost), whole.iloc[0], ghost) if trained else None)
    if not pairs or None in pairs:
        return _nothing(
            rule, statistic, "it needs batch norm over the batch and over fewer examples, that train, at one m"
        )
    differences = [difference(data.accuracy(ghost), data.accuracy(whole)) for ghost, whole, _ in pairs]
    others = [cross_fitted(data, ghosts, pd.DataFrame([whole])) for _, whole, ghosts in pairs]
    chosen = pd.DataFrame([row for ghost, whole, _ in pairs for row in (ghost, whole)])
    reasons, fixes = data.blocks(pd.concat(planned), chosen)
    if len({d.shape for d in differences}) > 1:
        return _nothing(rule, statistic, "not every batch size has the same seeds yet")
    listed = "; ".join(
        f"m = {whole['batch_size']}: {percent(ghost)} over {ghost['bn_batch_size']}, {percent(whole)} over the batch"
        for ghost, whole, _ in pairs
    )
    crossed = None
    if len(pairs) == 1:
        crossed = None if others[0] is None else [others[0]]
    return Evidence(
        rule, POINTS, statistic, [two_way(sum(differences) / len(differences), bootstrap=True)], ["the whole batch"],
        f"{listed}, at {budget_text(claim['budget'])}", reasons, fixes, crossed,
    )  # fmt: skip


def _nothing(rule, statistic: str, reason: str) -> Evidence:
    return Evidence(rule, POINTS, statistic, blocked=[reason])


def _one_side(claim: dict, planned: pd.DataFrame) -> str:
    sides = {"up to": planned["batch_size"] <= claim["limit"], "above": planned["batch_size"] > claim["limit"]}
    empty = [name for name, there in sides.items() if not there.any()]
    if empty:
        return f"the grid has no batch size {empty[0]} {claim['limit']} here; add one to grid.batch_size"
    return f"no setting on one side of m = {claim['limit']} trains every seed"


def _reached(row) -> str:
    return f"m = {row['batch_size']} with {setting_text(row)} reached {percent(row)}"


def _beside(claim: dict, data: Measured) -> str:
    """The same comparison in the study's other budgets: most of what small batches gain is the number of updates."""
    parts = []
    for budget in dict.fromkeys(data.best["budget"]):
        rows = data.settings(budget, claim["norm"]).dropna(subset=["base_lr"])
        if budget != claim["budget"] and rows["batch_size"].nunique() > 1:
            each = [first(group) for _, group in rows.groupby("batch_size")]
            parts.append(
                f"at {budget_text(budget)} " + ", ".join(f"{percent(row)} at m = {row['batch_size']}" for row in each)
            )
    return f" ({'; '.join(parts)})" if parts else ""
