"""The paragraph at the top of the report: recommendations as sentences, generated from the
numbers without further interpretation."""

import pandas as pd

from smallbatch.analysis.advice import (
    ANY,
    best_of_budgets,
    in_time,
    time_front,
    wrong_rates,
)
from smallbatch.analysis.best import Row, whole_batch
from smallbatch.analysis.claims.claim import Claim
from smallbatch.analysis.claims.verdict import VERDICTS
from smallbatch.analysis.measured import Measured
from smallbatch.analysis.phrases import (
    course_text,
    end_of_sizes,
    listed,
    percent,
    points,
    seconds_text,
    setting_text,
)
from smallbatch.analysis.rate_advice import rates_for, worst
from smallbatch.analysis.trained import better_than_guessing
from smallbatch.core.text import budget_text, count_text, kind_text, norm_text


def summary(data: Measured, config: dict, claims: list[Claim]) -> list[str]:
    """Sentences about the best setting of each budget and the m that cannot be distinguished from it, the best in
    half the time, learning rates for other m, the cost of a wrong rate, and the claims."""
    if data.best["base_lr"].isna().all():
        return [
            "No setting trained with every seed, so there is nothing to recommend yet.",
            *better_than_guessing(data.table, config["dataset"]["sizes"]["validation"]),
        ]
    whole = [entry for entry in best_of_budgets(data) if entry["norm"] == ANY or _only(data, entry)]
    sentences = [_best(entry, data, config, i == 0) for i, entry in enumerate(whole)]
    sentences += [
        *_sooner(data),
        *_other_sizes(data, whole[0]["setting"]),
        *_wrong_rate(data, whole[0]["setting"]),
        *_claims(claims),
    ]
    return sentences


def _only(data: Measured, entry: dict) -> bool:
    return data.settings(entry["budget"]).dropna(subset=["base_lr"])["norm"].nunique() == 1


def _best(entry: dict, data: Measured, config: dict, leads: bool) -> str:
    row, accuracy = entry["setting"], entry["accuracy"]
    where = (
        f"On {config['dataset']['name']} with the network {config['model']['name']} and {config['optimizer']['name']}, at"
        if leads
        else "At"
    )
    schedule = f", schedule {row['schedule']}," if data.best["schedule"].nunique() > 1 else ""
    text = f"{where} {budget_text(entry['budget'])} m = {row['batch_size']}{schedule} with {setting_text(row)} was best on validation images and gets {percent(row)} of the "
    text += f"{accuracy.examples:,} test images right"
    if accuracy.seeds > 1:
        low, high = accuracy.interval(0.95)
        text += f" (95% interval {max(low, 0):.1f} to {min(high, 100):.1f}, over {accuracy.seeds} seeds and images like these)"
    else:
        text += " (one seed)"
    if row["near_failure"]:
        text += f"; a seed fails at the next larger η̃, and the worst one here gets {100 * row['test_lowest']:.1f}%"
    text += (
        "; its η̃ lies on the edge of those tried, so a wider grid may find a better one."
        if row["edge"]
        else "."
    )
    near, sizes = entry["near"], entry["sizes"]
    text += end_of_sizes(row["batch_size"], sizes)
    if near and len(sizes) > 1:
        tried = f"Of the m tried ({sizes[0]} to {sizes[-1]}), each at its best,"
        text += (
            f" {tried} {listed(near)} cannot be distinguished from the best (with 95% confidence)."
            if len(near) > 1
            else f" {tried} all but {near[0]} are worse (with 95% confidence)."
        )
    return text


def _sooner(data: Measured) -> list[str]:
    front = time_front(data)
    if len(front) < 2:
        return []
    top = front[front["front"]].iloc[-1]
    sooner = in_time(front, top["seconds_alone"] / 2)
    text = (
        f"As one model alone on this machine the last setting that is significantly better than a faster one is "
        f"{_at_time(data, top)}"
    )
    if sooner is None:
        return [f"{text}; nothing tried takes half of that or less."]
    return [f"{text}; in half of that time it is {_at_time(data, sooner)}."]


def _at_time(data: Measured, row: Row) -> str:
    norm = norm_text(row["norm"], row["bn_batch_size"], row["batch_size"])
    return (
        f"m = {row['batch_size']} ({_schedule(data, row)}{norm}, {budget_text(row['budget'])}, "
        f"{seconds_text(row['seconds_alone'])}): {percent(row)}"
    )


def _schedule(data: Measured, row: Row) -> str:
    return f"{row['schedule']}, " if data.best["schedule"].nunique() > 1 else ""


def _other_sizes(data: Measured, row: Row) -> list[str]:
    """How the best rate goes with m, and what a rate recommended by it would have cost."""
    fits, rows = rates_for(data)
    same = (fits["norm"] == row["norm"]) & (fits["ghost"] == 0) & (fits["budget"] == row["budget"])
    told = fits[same & (fits["schedule"] == row["schedule"])]
    if told.empty:
        return []
    fit = told.iloc[0]
    text = f"How the best η goes with m, with {_kind(row)}: {course_text(fit)}."
    dearest = worst(rows[rows["fit"] == told.index[0]])
    if dearest is None:
        return [text]
    return [
        f"{text} At the measured m a rate recommended so would have cost at most {points(dearest['regret'])} against its own "
        f"best (m = {dearest['batch_size']}); beyond m = {fit['smallest']} to {fit['largest']} none is recommended."
    ]


def _wrong_rate(data: Measured, row: Row) -> list[str]:
    lost = wrong_rates(data)
    same = (
        (lost["budget"] == row["budget"])
        & (lost["norm"] == row["norm"])
        & (lost["schedule"] == row["schedule"])
    )
    here = whole_batch(lost[same & (lost["shift"] == 2)]).sort_values("batch_size")
    if here.empty:
        return []
    least, most = here.loc[here["lost"].idxmin()], here.loc[here["lost"].idxmax()]
    if least is most or len(here) == 1:
        return [f"With {_kind(row)}, four times the best η̃ costs {_lost(most)}."]
    return [f"With {_kind(row)}, four times the best η̃ costs from {_lost(least)} to {_lost(most)}."]


def _kind(row: Row) -> str:
    return kind_text(row["norm"]) + (" over the batch" if row["norm"] == "bn" else "")


def _lost(row: pd.Series) -> str:
    failed = (
        f", where {int(row['failed'])} of {count_text(int(row['seeds']), 'seed')} fail to train"
        if row["failed"]
        else ""
    )
    return f"{max(row['lost'], 0.0):.1f} points (m = {row['batch_size']}{failed})"


def _claims(claims: list[Claim]) -> list[str]:
    if not claims:
        return []
    counts = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in VERDICTS}
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    interim = (
        " This is an interim look, before the planned number of seeds."
        if any(claim.interim for claim in claims)
        else ""
    )
    return [f"Of the study's {count_text(len(claims), 'claim')}: {said}.{interim}"]
