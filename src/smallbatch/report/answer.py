"""The results of a study as sentences, generated from its numbers without further
interpretation."""

import pandas as pd

from smallbatch.analysis.best import rates, whole_batch, with_failed
from smallbatch.analysis.measured import Measured, compare, first
from smallbatch.analysis.phrases import (
    FEW,
    course_text,
    end_of_sizes,
    interval,
    percent,
    points,
    setting_text,
    told,
)
from smallbatch.analysis.schedules import schedule_sentences
from smallbatch.analysis.stable import largest_without_failure
from smallbatch.core.rates import rate_text
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
        sentences.append(text + ".")
    return sentences


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
    """The largest η̃ that trains every seed, at the smallest and the largest batch size."""
    cells = with_failed(rates(table), best)
    parts = []
    for (norm, budget), group in cells.groupby(["norm", "budget"], sort=False):
        limits = {m: stable_limit(cell) for m, cell in whole_batch(group).groupby("batch_size")}
        limits = {m: rate for m, rate in limits.items() if rate}
        if len(limits) > 1:
            (m0, low), (m1, high) = min(limits.items()), max(limits.items())
            kind = KINDS[norm].lower() + (" over the batch" if norm == "bn" else "")
            parts.append(f"{kind}, {budget_text(budget)}: {low} at m = {m0}, {high} at m = {m1}")
    return (
        [f"The largest η̃ tried at which every seed trained – {'; '.join(parts)}."] if parts else []
    )


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


def stable_limit(cells: pd.DataFrame) -> str | None:
    """The largest η̃ that is reached upwards from the best without a failed seed, after ``at
    least`` if the grid ends there."""
    cells = cells.sort_values("base_lr")
    base_lr, best_lr = cells["base_lr"].to_numpy(), cells["best_lr"].iloc[0]
    last = largest_without_failure(base_lr, cells["failed"].to_numpy() > 0, best_lr)
    if last is None:
        return None
    return ("at least " if last == len(base_lr) - 1 else "") + rate_text(base_lr[last])
