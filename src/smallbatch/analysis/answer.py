"""The answer of a study in plain words, generated from its numbers and never saying more than they do."""

import pandas as pd

from smallbatch.analysis.best import paired_difference, rates, with_failed
from smallbatch.analysis.phrases import FEW, interval, percent, points, setting_text, told
from smallbatch.analysis.scaling import exponents
from smallbatch.analysis.schedules import schedule_sentences
from smallbatch.rates import rate_text
from smallbatch.text import budget_text, norm_text

KINDS = {"none": "Without norm", "bn": "With batch norm", "gn": "With group norm"}
SMALL = 32  # Masters & Luschi 2018: best at m <= 32


def answer(table: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    """Sentences about the best setting, batch size, BN batch size and stable rates; each names its budget."""
    found = best.dropna(subset=["test_accuracy"])
    if found.empty:
        return ["No setting trained with every seed, so there is nothing to recommend yet."]
    sentences, several = [], found["schedule"].nunique() > 1
    for budget, rows in found.groupby("budget", sort=False):
        sentences.append(_best(rows, budget, several))
        if several:
            sentences += schedule_sentences(table, rows, budget)
        else:
            sentences += [*_small_against_large(table, rows, budget), *_bn_batch(table, rows, budget)]
    return sentences + ([] if several else _stable(table, best)) + _exponents(table, best)


def _first(rows: pd.DataFrame) -> pd.Series:
    """The best of some settings by validation accuracy, the smaller batch of equals."""
    return rows.sort_values(["val_accuracy", "batch_size"], ascending=[False, True]).iloc[0]


def _best(rows: pd.DataFrame, budget: str, several: bool) -> str:
    row = _first(rows)
    schedule = f", schedule {row['schedule']}," if several else ""
    edge = " Its η̃ lies at the edge of those tried, so a wider grid may find a better one." if row["edge"] else ""
    return (
        f"At {budget_text(budget)} the {'best' if len(rows) > 1 else 'only'} setting was m = {row['batch_size']}{schedule} with {setting_text(row)}: "
        f"test accuracy {interval(row)}{', chosen on validation images' if len(rows) > 1 else ''}.{edge}"
    )


def _small_against_large(table: pd.DataFrame, rows: pd.DataFrame, budget: str) -> list[str]:
    """For each kind of norm: the best setting with m <= 32, the best above, and the largest m."""
    sentences = []
    for norm, group in rows.groupby("norm", sort=False):
        small, large = group[group["batch_size"] <= SMALL], group[group["batch_size"] > SMALL]
        if small.empty or large.empty:
            continue
        first, second = _first(small), _first(large)
        gap = paired_difference(table, first, second)
        outcome = told(gap, f"small batches (m ≤ {SMALL}) reached more", f"large batches (m > {SMALL}) reached more")
        text = (
            f"{KINDS[norm]}, at {budget_text(budget)}, {outcome}: {percent(first)} at m = {first['batch_size']} against "
            f"{percent(second)} at m = {second['batch_size']}, {points(gap)}"
        )
        last = large.sort_values(["batch_size", "val_accuracy"]).iloc[-1]
        if last["batch_size"] != second["batch_size"]:
            text += f"; m = {last['batch_size']} reached {percent(last)}"
        sentences.append(text + ".")
    return sentences


def _bn_batch(table: pd.DataFrame, rows: pd.DataFrame, budget: str) -> list[str]:
    """For each m that has both: the best smaller BN batch against BN over the whole batch."""
    sentences = []
    for m, group in rows[rows["norm"] == "bn"].groupby("batch_size"):
        whole, ghost = group[group["bn_batch_size"] == m], group[group["bn_batch_size"] < m]
        if whole.empty or ghost.empty:
            continue
        chosen = _first(ghost)
        gap = paired_difference(table, chosen, whole.iloc[0])
        outcome = told(gap, "more", "less")
        sentences.append(f"at m = {m} over {chosen['bn_batch_size']} instead of {m} examples, {points(gap)}: {outcome}")
    if not sentences:
        return []
    return [f"Batch norm over part of the batch, at {budget_text(budget)}: " + "; ".join(sentences) + "."]


def _stable(table: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    """The largest η̃ that trains every seed, at the smallest and at the largest batch size."""
    cells = with_failed(rates(table), best)
    parts = []
    for (norm, budget), group in cells.groupby(["norm", "budget"], sort=False):
        whole = group[group["bn_batch_size"].fillna(group["batch_size"]) == group["batch_size"]]
        limits = {m: stable_limit(cell) for m, cell in whole.groupby("batch_size")}
        limits = {m: rate for m, rate in limits.items() if rate}
        if len(limits) > 1:
            (m0, low), (m1, high) = min(limits.items()), max(limits.items())
            kind = KINDS[norm].lower() + (" over the batch" if norm == "bn" else "")
            parts.append(f"{kind}, {budget_text(budget)}: {low} at m = {m0}, {high} at m = {m1}")
    return [f"The largest η̃ tried at which every seed trained – {'; '.join(parts)}."] if parts else []


def _exponents(table: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    """How the best η goes with m, where enough batch sizes have their best inside their grid."""
    parts, several = [], best["schedule"].nunique() > 1
    for _, row in exponents(table, best).iterrows():
        if row["sizes"] < FEW:  # a line through few points says little
            continue
        norm = f"batch norm over {row['ghost']}" if row["ghost"] else KINDS[row["norm"]].lower()
        p, low, high = (f"{row[key]:.2f}".replace("-", "−") for key in ("p", "ci_low", "ci_high"))
        span = f"m = {row['smallest']} to {row['largest']}"
        norm += f", {row['schedule']}" if several else ""
        parts.append(f"{norm}, {budget_text(row['budget'])}, {span}: p = {p} (95% interval {low} to {high})")
    text = "The best learning rate goes with the batch size as η ∝ m^p (1 is linear scaling, 0 a constant η)"
    return [f"{text} – {'; '.join(parts)}."] if parts else []


def stable_limit(cells: pd.DataFrame) -> str | None:
    """The largest η̃ reached upwards from the best without a failed seed; ``at least`` if the grid ends there."""
    reached = cells[cells["base_lr"] >= cells["best_lr"]].sort_values("base_lr")
    failed = (reached["failed"] > 0).to_numpy()
    if reached.empty or failed[0]:
        return None
    last = failed.argmax() - 1 if failed.any() else len(failed) - 1
    return ("" if failed.any() else "at least ") + rate_text(reached["base_lr"].iloc[last])


def settings_table(best: pd.DataFrame) -> pd.DataFrame:
    """best.csv for readers: one row per setting in plain words."""
    rows = []
    for _, row in best.iterrows():
        chosen = not pd.isna(row["base_lr"])
        rows.append(
            {
                "budget": budget_text(row["budget"]),
                "norm": norm_text(row["norm"], row["bn_batch_size"], row["batch_size"]),
                "schedule": row["schedule"],
                "m": int(row["batch_size"]),
                "best η̃": rate_text(row["base_lr"]) + (" (edge)" if row["edge"] else "") if chosen else "none trains",
                "η = η̃·m": f"{row['lr']:.3g}" if chosen else "–",
                "validation (%)": f"{100 * row['val_accuracy']:.2f}" if chosen else "–",
                "test (%)": f"{100 * row['test_accuracy']:.2f}" if chosen else "–",
                "95% interval over seeds": f"{100 * row['ci_low']:.2f} – {100 * row['ci_high']:.2f}"
                if chosen and not pd.isna(row["ci_low"])
                else "–",
                "seeds": int(row["seeds"]),
            }
        )
    return pd.DataFrame(rows)


def failed_table(table: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Settings and η̃ with diverged or untrained seeds, with their counts."""
    cells = with_failed(rates(table), best)
    cells = cells[cells["diverged"] + cells["untrained"] > 0]
    return pd.DataFrame(
        {
            "budget": cells["budget"].map(budget_text),
            "norm": [
                norm_text(*key) for key in zip(cells["norm"], cells["bn_batch_size"], cells["batch_size"], strict=True)
            ],
            "schedule": cells["schedule"],
            "m": cells["batch_size"],
            "η̃": cells["base_lr"].map(rate_text),
            "seeds": cells["seeds"],
            "diverged": cells["diverged"],
            "untrained": cells["untrained"],
            "counted as failed": cells["failed"],
        }
    )
