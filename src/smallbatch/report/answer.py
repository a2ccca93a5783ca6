"""The results of a study as sentences, generated from its numbers without further
interpretation."""

import pandas as pd

from smallbatch.analysis.best import Row, of_setting, whole_batch
from smallbatch.analysis.measured import Measured, compare, first
from smallbatch.analysis.phrases import (
    FEW,
    course_text,
    end_of_sizes,
    interval,
    percent,
    points,
    setting_text,
    signed,
    told,
)
from smallbatch.analysis.schedules import schedule_sentences
from smallbatch.analysis.stable import limits_of_seeds
from smallbatch.core.text import budget_text

KINDS = {"none": "Without norm", "bn": "With batch norm", "gn": "With group norm"}
SMALL = 32  # Masters & Luschi 2018: best at m <= 32


def answer(data: Measured) -> list[str]:
    """Sentences about the best setting, batch size, BN batch size and stable rates, with their
    budgets."""
    table, best = data.table, data.best
    found = best.dropna(subset=["test_accuracy"])
    if found.empty:
        return ["No setting trained with every seed, so there is nothing to recommend yet."]
    sentences, several = [], found["schedule"].nunique() > 1
    for budget, rows in found.groupby("budget", sort=False):
        sentences.append(_best(rows, budget, several))
        if several:
            sentences += schedule_sentences(data, rows)
        else:
            sentences += [*_small_against_large(data, rows, budget), *_bn_batch(data, rows, budget)]
    return sentences + ([] if several else _stable(table, best)) + _exponents(data)


def _best(rows: pd.DataFrame, budget: str, several: bool) -> str:
    row = first(rows)
    schedule = f", schedule {row['schedule']}," if several else ""
    edge = (
        " Its η̃ lies at the edge of those tried, so a wider grid may find a better one."
        if row["edge"]
        else ""
    )
    return (
        f"At {budget_text(budget)} the {'best' if len(rows) > 1 else 'only'} setting was m = {row['batch_size']}{schedule} with {setting_text(row)}: "
        f"test accuracy {interval(row)}{', chosen on validation images' if len(rows) > 1 else ''}.{edge}"
        f"{end_of_sizes(row['batch_size'], list(rows['batch_size']))}"
    )


def _small_against_large(data: Measured, rows: pd.DataFrame, budget: str) -> list[str]:
    """For each norm: the best setting with m <= 32, the best with m > 32, and the largest m."""
    sentences = []
    for norm, group in rows.groupby("norm", sort=False):
        small, large = group[group["batch_size"] <= SMALL], group[group["batch_size"] > SMALL]
        if small.empty or large.empty:
            continue
        one, two = first(small), first(large)
        gap = compare(data, one, two)
        outcome = told(
            gap,
            f"small batches (m ≤ {SMALL}) reached more",
            f"large batches (m > {SMALL}) reached more",
        )
        text = (
            f"{KINDS[norm]}, at {budget_text(budget)}, {outcome}: {percent(one)} at m = {one['batch_size']} against "
            f"{percent(two)} at m = {two['batch_size']}, {points(gap)}"
        )
        last = large.sort_values(["batch_size", "val_accuracy"]).iloc[-1]
        if last["batch_size"] != two["batch_size"]:
            text += f"; m = {last['batch_size']} reached {percent(last)}"
        sentences.append(f"{text}{_elsewhere(data, norm, budget)}.")
    return sentences


def _elsewhere(data: Measured, norm: str, budget: str) -> str:
    """The same comparison at the study's other budgets, since small batches gain mostly by making
    more updates."""
    parts = []
    for other in dict.fromkeys(data.best["budget"]):
        rows = data.settings(other, norm).dropna(subset=["base_lr"])
        small, large = rows[rows["batch_size"] <= SMALL], rows[rows["batch_size"] > SMALL]
        if other != budget and len(small) and len(large):
            one, two = first(small), first(large)
            parts.append(
                f"at {budget_text(other)} {percent(one)} at m = {one['batch_size']} against {percent(two)} at m = {two['batch_size']}"
            )
    return f" ({'; '.join(parts) or 'not compared at another budget'})"


def _bn_batch(data: Measured, rows: pd.DataFrame, budget: str) -> list[str]:
    """For each m with both: the best smaller BN batch compared with BN over the whole batch."""
    sentences = []
    for m, group in rows[rows["norm"] == "bn"].groupby("batch_size"):
        whole, ghost = group[group["bn_batch_size"] == m], group[group["bn_batch_size"] < m]
        if whole.empty or ghost.empty:
            continue
        chosen = first(ghost)
        gap = compare(data, chosen, whole.iloc[0])
        outcome = told(gap, "more", "less")
        sentences.append(
            f"at m = {m} over {chosen['bn_batch_size']} instead of {m} examples, {points(gap)}: {outcome}"
        )
    if not sentences:
        return []
    return [
        f"Batch norm over part of the batch, at {budget_text(budget)}: "
        + "; ".join(sentences)
        + "."
    ]


def _stable(table: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    """The largest η̃ that trains, as in the claim about it, at the smallest and the largest batch
    size."""
    parts = []
    known = whole_batch(best.dropna(subset=["base_lr"]))
    for (norm, budget), group in known.groupby(["norm", "budget"], sort=False):
        ends = group.sort_values("batch_size").iloc[[0, -1]]
        if ends["batch_size"].nunique() > 1:
            limits = [stable_limit(table, row) for _, row in ends.iterrows()]
            said = ", ".join(
                f"{limit} at m = {m}" for limit, m in zip(limits, ends["batch_size"], strict=True)
            )
            kind = KINDS[norm].lower() + (" over the batch" if norm == "bn" else "")
            parts.append(f"{kind}, {budget_text(budget)}: {said}")
    if not parts:
        return []
    middle = "half way from the last that trains to the first that fails, the mean over seeds of the exponent and its range"
    return [f"The largest η̃ that trains ({middle}) – {'; '.join(parts)}."]


def _exponents(data: Measured) -> list[str]:
    """The scaling of the best η with m, if enough batch sizes have their best η̃ inside the
    grid."""
    parts, several = [], data.best["schedule"].nunique() > 1
    for _, row in data.exponents.iterrows():
        if row["sizes"] < FEW:  # a fit through few points is not informative
            continue
        norm = f"batch norm over {row['ghost']}" if row["ghost"] else KINDS[row["norm"]].lower()
        span = f"m = {row['smallest']} to {row['largest']}"
        norm += f", {row['schedule']}" if several else ""
        parts.append(f"{norm}, {budget_text(row['budget'])}, {span}: {course_text(row)}")
    text = "How the best learning rate goes with the batch size"
    return [f"{text} – {'; '.join(parts)}."] if parts else []


def stable_limit(table: pd.DataFrame, setting: Row) -> str:
    """``2^−7.4 (2^−9.5 to 2^−6.5)``, after ``at least`` if the grid ends before training fails."""
    limits, cut, _ = limits_of_seeds(table[of_setting(table, setting)], setting["base_lr"])
    if limits.empty:
        return "unknown (a point is missing)"
    mean, low, high = (
        f"2^{signed(value)}" for value in (limits.mean(), limits.min(), limits.max())
    )
    return f"{'at least ' if cut else ''}{mean}" + (f" ({low} to {high})" if low != high else "")
