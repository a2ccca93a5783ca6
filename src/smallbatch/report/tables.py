"""Tables of the report: frames of formatted text."""

import pandas as pd

from smallbatch.analysis.advice import (
    ANY,
    SHIFTS,
    best_of_budgets,
    time_front,
    wrong_rates,
)
from smallbatch.analysis.best import Row, best_rates, rates, whole_batch, with_failed
from smallbatch.analysis.effect import Effect
from smallbatch.analysis.measured import Measured
from smallbatch.analysis.phrases import points, seconds_text
from smallbatch.analysis.rate_advice import rates_for
from smallbatch.core.rates import rate_text
from smallbatch.core.text import budget_text, norm_text
from smallbatch.report.answer import KINDS

DASH = "–"


def settings_table(best: pd.DataFrame) -> pd.DataFrame:
    """best.csv as formatted text, one row per setting."""
    rows = []
    for row in best_rates(best):
        edge = " (edge)" if row.edge else " (next fails)" if row.near_failure else ""
        rows.append(
            {
                "budget": budget_text(row.budget),
                "norm": norm_text(row.norm, row.bn_batch_size, row.batch_size),
                "schedule": row.schedule,
                "m": row.batch_size,
                "best η̃": "none trains" if row.base_lr is None else rate_text(row.base_lr) + edge,
                "η = η̃·m": DASH if row.lr is None else f"{row.lr:.3g}",
                "validation (%)": _percent(row.val_accuracy),
                "test (%)": _percent(row.test_accuracy),
                "worst seed (%)": _percent(row.test_lowest),
                "training loss": _loss(row.train_loss),
                "95% interval over seeds": DASH
                if row.ci_low is None
                else f"{_percent(row.ci_low)} – {_percent(row.ci_high)}",
                "seeds": row.seeds,
            }
        )
    return pd.DataFrame(rows)


def _percent(share: float | None) -> str:
    return DASH if share is None else f"{100 * share:.2f}"


def _loss(loss: float | None) -> str:
    return DASH if loss is None else f"{loss:.2g}"


def best_table(data: Measured) -> pd.DataFrame:
    """The best setting of each budget and norm, with the batch sizes that cannot be distinguished from the
    best."""
    rows = []
    for entry in best_of_budgets(data):
        row, accuracy = entry["setting"], entry["accuracy"]
        low, high = accuracy.interval(0.95) if accuracy.seeds > 1 else (None, None)
        rows.append(
            {
                "budget": budget_text(entry["budget"]),
                "of": "all settings" if entry["norm"] == ANY else KINDS[entry["norm"]].lower(),
                "m": int(row["batch_size"]),
                "schedule": row["schedule"],
                "norm": norm_text(row["norm"], row["bn_batch_size"], row["batch_size"]),
                "η̃": rate_text(row["base_lr"])
                + (" (edge)" if row["edge"] else " (next fails)" if row["near_failure"] else ""),
                "η": f"{row['lr']:.3g}",
                "test (%)": f"{accuracy.estimate:.2f}",
                "training loss": _loss(row["train_loss"]),
                "95% interval, seeds and images": DASH
                if low is None or high is None
                else f"{max(low, 0):.2f} – {min(high, 100):.2f}",
                "m not distinguished from the best": ", ".join(map(str, entry["near"]))
                if entry["near"]
                else DASH,
            }
        )
    return _without_single(pd.DataFrame(rows), "schedule")


def time_table(data: Measured) -> pd.DataFrame:
    """The front of accuracy against the training time of a single model."""
    front = time_front(data)
    front = front[front["front"]]
    rows = pd.DataFrame(
        {
            "time alone": front["seconds_alone"].map(seconds_text),
            "m": front["batch_size"],
            "schedule": front["schedule"],
            "norm": _norms(front),
            "η̃": front["base_lr"].map(rate_text),
            "budget": front["budget"].map(budget_text),
            "validation (%)": (100 * front["val_accuracy"]).map("{:.2f}".format),
            "test (%)": (100 * front["test_accuracy"]).map("{:.2f}".format),
        }
    )
    return _without_single(rows, "schedule", data.best["schedule"].nunique())


def fit_names(fits: pd.DataFrame) -> list[str]:
    """The schedule, norm and budget of each row of `exponents`."""
    names = []
    for _, fit in fits.iterrows():
        norm = f"batch norm over {fit['ghost']}" if fit["ghost"] else KINDS[fit["norm"]].lower()
        schedule = f"{fit['schedule']}, " if fits["schedule"].nunique() > 1 else ""
        names.append(f"{schedule}{norm}, {budget_text(fit['budget'])}")
    return names


def rates_table(data: Measured) -> pd.DataFrame:
    """The recommended η and η̃ at powers of two, with one row per m and one column per fit."""
    fits, rows = rates_for(data)
    if fits.empty:
        return pd.DataFrame()
    names = dict(zip(fits.index, fit_names(fits), strict=True))
    rows = rows.assign(
        fit=rows["fit"].map(names),
        text=[
            f"{row.lr / row.batch_size:.2g} (η = {row.lr:.2g}, {row.low:.2g} to {row.high:.2g}){_regret(row.regret)}"
            for row in rows.itertuples()
        ],
    )
    wide = rows.pivot(index="batch_size", columns="fit", values="text")[
        list(names.values())
    ].fillna(DASH)
    return wide.reset_index().rename(columns={"batch_size": "m"}).rename_axis(columns=None)


def _regret(effect: Effect | None) -> str:
    if effect is None:
        return ""
    return (
        f"; would have cost {points(effect)}" if effect.examples else "; the same rate as its best"
    )


def wrong_rates_table(data: Measured) -> pd.DataFrame:
    """The loss in test accuracy (in points) at 1/8 to 8 times the best η̃, one row per setting."""
    lost = wrong_rates(data)
    whole = whole_batch(lost)
    lost = lost if whole.empty else whole
    names = {shift: f"× {2**shift}" if shift > 0 else f"÷ {2**-shift}" for shift in SHIFTS}
    rows = []
    for (budget, schedule, norm, m, b), group in lost.groupby(
        ["budget", "schedule", "norm", "batch_size", "bn_batch_size"], dropna=False, sort=False
    ):
        row = {
            "budget": budget_text(budget),
            "schedule": schedule,
            "norm": norm_text(norm, b, m),
            "m": m,
        }
        by_shift = group.set_index("shift")
        for shift, name in names.items():
            row[name] = _lost(by_shift.loc[shift]) if shift in by_shift.index else DASH
        rows.append(row)
    return _without_single(
        pd.DataFrame(rows, columns=["budget", "schedule", "norm", "m", *names.values()]), "schedule"
    )


def _lost(row: Row) -> str:
    text = f"{row['lost']:.1f}".replace("-0.0", "0.0").replace("-", "−")
    return f"{text} ✕{int(row['failed'])}" if row["failed"] else text


def failed_table(table: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Settings and η̃ with diverged or untrained seeds, with their counts."""
    cells = with_failed(rates(table), best)
    cells = cells[cells["diverged"] + cells["untrained"] > 0]
    return pd.DataFrame(
        {
            "budget": cells["budget"].map(budget_text),
            "norm": _norms(cells),
            "schedule": cells["schedule"],
            "m": cells["batch_size"],
            "η̃": cells["base_lr"].map(rate_text),
            "seeds": cells["seeds"],
            "diverged": cells["diverged"],
            "untrained": cells["untrained"],
            "counted as failed": cells["failed"],
        }
    )


def cost_table(points: pd.DataFrame) -> pd.DataFrame:
    """Seconds in training loops by setting, in descending order."""
    grouped = points.groupby(
        ["batch_size", "norm", "bn_batch_size", "schedule", "updates_planned"], dropna=False
    )
    sums = {
        "seconds": ("seconds", "sum"),
        "examples": ("examples", "sum"),
        "updates": ("updates", "mean"),
    }
    cost = grouped.agg(points=("point", "size"), **sums).reset_index()
    cost = cost.sort_values("seconds", ascending=False)
    return pd.DataFrame(
        {
            "m": cost["batch_size"],
            "norm": _norms(cost),
            "schedule": cost["schedule"],
            "updates, on average": cost["updates"].map("{:,.0f}".format),
            "points": cost["points"],
            "seconds on one core": cost["seconds"].map("{:.1f}".format),
            "thousand images/s": (cost["examples"] / cost["seconds"] / 1000).map("{:.0f}".format),
        }
    )


def _norms(frame: pd.DataFrame) -> list[str]:
    return [
        norm_text(*key)
        for key in zip(frame["norm"], frame["bn_batch_size"], frame["batch_size"], strict=True)
    ]


def _without_single(frame: pd.DataFrame, column: str, different: int | None = None) -> pd.DataFrame:
    """Drop a column that has the same value in every row."""
    several = different if different is not None else frame[column].nunique()
    return frame if several > 1 else frame.drop(columns=column)
