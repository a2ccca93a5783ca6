"""The answer of a study in plain words, generated from its numbers and never saying more than they do."""

import pandas as pd

from smallbatch.analysis.best import Difference, paired_difference, rates, with_failed
from smallbatch.rates import rate_text
from smallbatch.text import budget_text, norm_text

KINDS = {"none": "Without norm", "bn": "With batch norm", "gn": "With group norm"}
FEW = 5  # seeds: below, even a sign test cannot reach p < 0.06
SMALL = 32  # Masters & Luschi 2018: best at m <= 32


def answer(table: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    """Sentences about the best setting, batch size, BN batch size and stable rates; each names its budget."""
    found = best.dropna(subset=["test_accuracy"])
    if found.empty:
        return ["No setting trained with every seed, so there is nothing to recommend yet."]
    sentences = []
    for budget, rows in found.groupby("budget", sort=False):
        sentences += [_best(rows, budget), *_small_against_large(table, rows, budget), *_bn_batch(table, rows, budget)]
    return sentences + _stable(table, best)


def _first(rows: pd.DataFrame) -> pd.Series:
    """The best of some settings by validation accuracy, the smaller batch of equals."""
    return rows.sort_values(["val_accuracy", "batch_size"], ascending=[False, True]).iloc[0]


def _best(rows: pd.DataFrame, budget: str) -> str:
    row = _first(rows)
    edge = " Its η̃ lies at the edge of those tried, so a wider grid may find a better one." if row["edge"] else ""
    return (
        f"At {budget_text(budget)} the {'best' if len(rows) > 1 else 'only'} setting was m = {row['batch_size']} with {setting_text(row)}: "
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


def stable_limit(cells: pd.DataFrame) -> str | None:
    """The largest η̃ reached upwards from the best without a failed seed; ``at least`` if the grid ends there."""
    reached = cells[cells["base_lr"] >= cells["best_lr"]].sort_values("base_lr")
    failed = (reached["failed"] > 0).to_numpy()
    if reached.empty or failed[0]:
        return None
    last = failed.argmax() - 1 if failed.any() else len(failed) - 1
    return ("" if failed.any() else "at least ") + rate_text(reached["base_lr"].iloc[last])


def setting_text(row) -> str:
    """``BN over the batch at η̃ = 2**-6 (η = 0.125)``."""
    norm = norm_text(row["norm"], row["bn_batch_size"], row["batch_size"])
    return f"{norm} at η̃ = {rate_text(row['base_lr'])} (η = {row['lr']:.3g})"


def percent(row) -> str:
    return f"{100 * row['test_accuracy']:.1f}%"


def interval(row) -> str:
    """``97.1% (95% interval 96.8 to 97.4 over 10 seeds, these test images only)``."""
    text = percent(row)
    if pd.isna(row["ci_low"]):
        return f"{text} (one seed, so no interval)"
    return (
        f"{text} (95% interval {100 * row['ci_low']:.1f} to {100 * row['ci_high']:.1f} over {int(row['seeds'])} seeds, "
        "these test images only)"
    )


def told(gap: Difference, more: str, less: str, neither: str = "no difference could be told") -> str:
    """`more` or `less` if the interval of a difference leaves zero out, else `neither`; nothing from a few seeds."""
    if gap.seeds < FEW:
        return f"{gap.seeds} seeds are too few to tell a difference"
    return more if gap.low > 0 else less if gap.high < 0 else neither


def points(gap: Difference) -> str:
    """``+0.4 points (95% interval over seeds −0.1 to +0.9)``."""
    mean, low, high = (f"{100 * value:+.1f}".replace("-", "−") for value in (gap.mean, gap.low, gap.high))
    return f"{mean} points" + (f" (95% interval over seeds {low} to {high})" if gap.seeds >= FEW else "")


def settings_table(best: pd.DataFrame) -> pd.DataFrame:
    """best.csv for readers: one row per setting in plain words."""
    rows = []
    for _, row in best.iterrows():
        chosen = not pd.isna(row["base_lr"])
        rows.append(
            {
                "budget": budget_text(row["budget"]),
                "norm": norm_text(row["norm"], row["bn_batch_size"], row["batch_size"]),
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
            "m": cells["batch_size"],
            "η̃": cells["base_lr"].map(rate_text),
            "seeds": cells["seeds"],
            "diverged": cells["diverged"],
            "untrained": cells["untrained"],
            "counted as failed": cells["failed"],
        }
    )
