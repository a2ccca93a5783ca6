"""Claims about a learning rate in proportion to the batch size: what the rule costs at each m, and
whether it keeps the accuracy of the reference."""

from dataclasses import dataclass

import pandas as pd

from smallbatch.analysis.best import Row, at_rate, of_setting, rates, whole_batch
from smallbatch.analysis.claims.batch_size import several
from smallbatch.analysis.claims.verdict import Evidence, not_inferior
from smallbatch.analysis.effect import Effect, two_way
from smallbatch.analysis.measured import (
    Fix,
    Measured,
    chosen_without,
    difference,
    first,
    other_rates,
    tested,
    with_rate,
)
from smallbatch.analysis.phrases import listed, signed
from smallbatch.core.rates import rate_text
from smallbatch.core.records import PlannedClaim
from smallbatch.core.text import budget_text

COSTS = "test accuracy, the scaled η̃ minus the best other one tried at that m"
KEEPS = "test accuracy at the reference's η̃, larger m minus reference"


@dataclass(frozen=True)
class _Scaled:
    """A reference at its best η̃, and the larger batch sizes up to the limit of the claim."""

    reference: pd.DataFrame
    start: Row
    rate: float
    larger: dict[int, Row]
    reasons: list[str]
    fixes: list[Fix]


def linear_scaling(claim: PlannedClaim, data: Measured) -> Evidence:
    """At each larger m up to the limit the reference's η̃ minus the best other η̃ tried: none worse
    by more than the margin.

    Where the scaled rate is the best one tried, the difference from the next best is positive.
    """
    found = _scaled(claim, data)
    if isinstance(found, str):
        return Evidence(not_inferior(claim["margin"]), "points", COSTS, blocked=[found])
    effects, reasons, fixes = {}, list(found.reasons), list(found.fixes)
    compared: list[Row] = []
    for m, row in found.larger.items():
        other = _best_other(data, row, found.rate)
        scaled = data.accuracy(row, found.rate)
        if other is None:
            reasons.append(f"no other η̃ trains every seed at m = {m}")
        elif len(scaled):
            pair = [at_rate(row, found.rate), at_rate(row, other)]
            compared += pair
            effects[m] = tested(data, difference(scaled, data.accuracy(row, other)), pair)
    blocked, wider = data.blocks([], pd.DataFrame(list(found.larger.values())))
    seeds = _reference_without(data, found.reference)
    return Evidence(
        not_inferior(claim["margin"]),
        "points",
        COSTS,
        list(effects.values()),
        [f"m = {m}" for m in effects],
        _costs(found, effects) + f", at {budget_text(claim['budget'])}{data.flags(compared)}",
        reasons + [reason for reason in blocked if reason not in reasons],
        fixes + wider,
        _costs_without(data, found, list(effects), seeds),
        last_decides=True,
    )


def _costs(found: _Scaled, effects: dict[int, Effect]) -> str:
    """What the best other η̃ gains over the scaled one, and where the scaled one is the best."""
    gains = ", ".join(f"{signed(-effect.estimate, 2)} at m = {m}" for m, effect in effects.items())
    own = [m for m in effects if found.larger[m]["base_lr"] == found.rate]
    chosen = (
        f"; at m = {listed(own)} the scaled one is the best on validation images" if own else ""
    )
    return (
        f"with η̃ = {rate_text(found.rate)} of m = {found.start['batch_size']} kept, the best other η̃ tried reaches {gains} "
        f"points more than the scaled one{chosen}"
    )


def scaled_accuracy(claim: PlannedClaim, data: Measured) -> Evidence:
    """Each larger m up to the limit minus the reference, at the reference's best η̃: none worse by
    more than the margin."""
    found = _scaled(claim, data)
    if isinstance(found, str):
        return Evidence(not_inferior(claim["margin"]), "points", KEEPS, blocked=[found])
    accuracy = data.accuracy(found.start)
    scaled = {m: data.accuracy(row, found.rate) for m, row in found.larger.items()}
    at = {m: at_rate(row, found.rate) for m, row in found.larger.items()}
    effects = {
        m: tested(data, difference(one, accuracy), [at[m], found.start])
        for m, one in scaled.items()
        if len(one)
    }
    m0 = found.start["batch_size"]
    seeds = _reference_without(data, found.reference)
    return Evidence(
        not_inferior(claim["margin"]),
        "points",
        KEEPS,
        list(effects.values()),
        [f"m = {m}" for m in effects],
        f"η̃ = {rate_text(found.rate)} of m = {m0} kept, against the {100 * found.start['test_accuracy']:.1f}% of m = {m0}, "
        f"margin {claim['margin']:g} points, at {budget_text(claim['budget'])}"
        f"{data.flags([found.start, *(at[m] for m in effects)])}",
        found.reasons,
        found.fixes,
        _kept_without(data, found, list(effects), seeds),
        last_decides=True,
    )


def _scaled(claim: PlannedClaim, data: Measured) -> _Scaled | str:
    """The settings that a claim compares, or why there are none."""
    where = claim["budget"], claim["norm"], claim["schedule"]
    rows = whole_batch(data.settings(*where))
    if reason := several(rows):
        return reason
    sizes = sorted(rows["batch_size"].unique())
    m0 = claim["reference"] or sizes[0]
    reference = rows[rows["batch_size"] == m0].dropna(subset=["base_lr"])
    larger = {m: rows[rows["batch_size"] == m].iloc[0] for m in sizes if m0 < m <= claim["up_to"]}
    if reference.empty or not larger:
        return f"it needs a reference that trains and larger batch sizes up to {claim['up_to']}"
    start = first(reference)
    planned = [row for row in data.plan(*where) if row["batch_size"] <= claim["up_to"]]
    reasons, fixes = data.blocks(planned, pd.DataFrame([start]))
    for m, row in larger.items():
        if not len(data.points(row, start["base_lr"])):
            reasons.append(f"η̃ = {rate_text(start['base_lr'])} was not tried at m = {m}")
            fixes.append(with_rate(data, row, start["base_lr"]))
    if claim["up_to"] not in sizes:
        reasons.append(f"m = {claim['up_to']} is not in the grid")
    return _Scaled(reference, start, start["base_lr"], larger, reasons, fixes)


def _best_other(data: Measured, setting: Row, rate: float) -> float | None:
    """The η̃ of a setting with the best validation accuracy except `rate`; None if none trains every
    seed."""
    cells = rates(data.table[of_setting(data.table, setting)])
    cells = cells[cells["eligible"] & (cells["base_lr"] != rate)]
    return None if cells.empty else float(first(cells)["base_lr"])


def _reference_without(data: Measured, reference: pd.DataFrame) -> pd.DataFrame | None:
    """The points of the reference with its η̃ selected for each seed on the other seeds."""
    chosen = chosen_without(data, reference)
    return None if chosen is None else chosen[0]


def _points_at(data: Measured, row: Row, starts: pd.DataFrame) -> list[str] | None:
    """The point of each seed at the η̃ of `starts`; None if one is missing."""
    found = [
        data.points(row, rate).set_index("seed")["point"].get(seed)
        for rate, seed in zip(starts["base_lr"], starts["seed"], strict=True)
    ]
    return None if any(point is None for point in found) else found


def _kept_without(
    data: Measured, found: _Scaled, sizes: list[int], starts: pd.DataFrame | None
) -> list[Effect] | None:
    if starts is None:
        return None
    pairs = [(_points_at(data, found.larger[m], starts), starts["point"].tolist()) for m in sizes]
    return _effects(data, pairs)


def _costs_without(
    data: Measured, found: _Scaled, sizes: list[int], starts: pd.DataFrame | None
) -> list[Effect] | None:
    if starts is None:
        return None
    skip, pairs = dict(zip(starts["seed"], starts["base_lr"], strict=True)), []
    for m in sizes:
        others = other_rates(data, pd.DataFrame([found.larger[m]]), skip)
        listed = None if others is None else list(others.values())
        pairs.append((_points_at(data, found.larger[m], starts), listed))
    return _effects(data, pairs)


def _effects(
    data: Measured, pairs: list[tuple[list[str] | None, list[str] | None]]
) -> list[Effect] | None:
    known = [(one, two) for one, two in pairs if one is not None and two is not None]
    if len(known) < len(pairs):
        return None
    return [
        two_way(100.0 * (data.correct(one).astype(float) - data.correct(two))) for one, two in known
    ]
