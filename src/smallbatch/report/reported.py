"""Comparison of values reported in papers with the measurements of a study."""

from typing import Any

import numpy as np
import pandas as pd

from smallbatch.analysis.best import rates, with_failed
from smallbatch.analysis.claims.claim import Claim
from smallbatch.analysis.measured import Measured, first
from smallbatch.analysis.phrases import percent, signed
from smallbatch.config.papers import name
from smallbatch.core.rates import rate_text
from smallbatch.core.text import count_text

NOTHING = "not in this study"
OF_NORM = {None: "", "none": " without norm", "bn": " with batch norm", "gn": " with group norm"}


def reported_rows(data: Measured, papers: list[dict], claims: list[Claim]) -> list[dict]:
    """For each paper of a plan: ``{"name", "protocol", "differences", "rows": [what, value, here,
    source, unverified]}``."""
    found = []
    for paper in papers:
        rows = [
            {key: one[key] for key in ("what", "value", "source", "unverified")}
            | {
                "here": MEASURES[one["measure"]](one, data, claims)
                if one["measure"]
                else "see the figures"
            }
            for one in paper["reported"]
        ]
        about = {
            "name": name(paper["cite"]),
            "protocol": paper["protocol"],
            "differences": paper["differences"],
        }
        found.append(about | {"rows": rows})
    return found


def _rows(one: dict[str, Any], data: Measured) -> pd.DataFrame:
    """The settings that a reported value refers to."""
    return data.settings(one["budget"], one["norm"], one["schedule"], one["batch_size"])


def _trained(one: dict[str, Any], data: Measured) -> pd.DataFrame:
    return _rows(one, data).dropna(subset=["base_lr"])


def best_batch_size(one: dict[str, Any], data: Measured, _: Any) -> str:
    rows = _trained(one, data)
    if rows["batch_size"].nunique() < 2:
        return NOTHING
    top = first(rows)
    sizes = sorted(rows["batch_size"].unique())
    end = ", an end of these" if top["batch_size"] in (sizes[0], sizes[-1]) else ""
    return f"{top['batch_size']}, of {', '.join(map(str, sizes))} (on validation images{end})"


def best_bn_batch_size(one: dict[str, Any], data: Measured, _: Any) -> str:
    rows, parts = _trained(one | {"norm": "bn"}, data), []
    for m, group in rows.groupby("batch_size"):
        if group["bn_batch_size"].nunique() > 1:
            parts.append(f"{first(group)['bn_batch_size']} at m = {m}")
    return f"{'; '.join(parts)} (chosen on validation images)" if parts else NOTHING


def largest_that_trains(one: dict[str, Any], data: Measured, _: Any) -> str:
    rows = _rows(one, data)
    if rows.empty:
        return NOTHING
    trains = rows["base_lr"].notna().groupby(rows["batch_size"]).any()
    dead = [m for m, there in trains.items() if not there]
    if not dead:
        return f"every m tried, up to {trains.index.max()}"
    return f"{trains[trains].index.max() if trains.any() else 'none'} (m = {', '.join(map(str, dead))} fail)"


def stable_slope(one: dict[str, Any], data: Measured, claims: list[Claim]) -> str:
    slopes = [
        f"{signed(-claim.estimate, 2)} octaves per doubling of m{OF_NORM[claim.norm]}"
        for claim in claims
        if claim.unit.startswith("octaves") and claim.estimate is not None
    ]
    return "; ".join(slopes) or NOTHING


def failed_share(one: dict[str, Any], data: Measured, _: Any) -> str:
    rows = _rows(one, data)
    cells = with_failed(rates(data.table), data.best).merge(
        rows[["batch_size", "norm", "bn_batch_size", "schedule", "budget"]]
    )
    if cells.empty:
        return NOTHING
    sums = cells.groupby("batch_size")[["failed", "seeds"]].sum()
    ends = sums.iloc[sorted({0, len(sums) // 2, len(sums) - 1})]
    return ", ".join(
        f"{100 * row['failed'] / row['seeds']:.0f}% at m = {m}" for m, row in ends.iterrows()
    )


def accuracies(one: dict[str, Any], data: Measured, _: Any) -> str:
    rows = _trained(one, data)
    each = [first(group) for _, group in rows.groupby("batch_size")]
    return ", ".join(f"{percent(row)} at m = {row['batch_size']}" for row in each) or NOTHING


def accuracy_and_updates(one: dict[str, Any], data: Measured, _: Any) -> str:
    rows = _trained(one, data)
    if rows.empty:
        return NOTHING
    row = rows.sort_values("batch_size").iloc[0]
    return f"{percent(row)} after {count_text(round(data.points(row)['updates'].mean()), 'update')} (first m = {row['batch_size']})"


def train_loss(one: dict[str, Any], data: Measured, _: Any) -> str:
    rows = _trained(one, data)
    if rows.empty:
        return NOTHING
    row = rows.sort_values("batch_size").iloc[0]
    loss = np.exp(np.log(data.points(row)["train_loss"].clip(lower=1e-12)).mean())
    return f"{loss:.3g} at η = {rate_text(row['lr'])} (the best on validation images)"


MEASURES = {  # those in config.claims.MEASURES, where the steps to add one are listed
    function.__name__: function
    for function in (
        best_batch_size,
        best_bn_batch_size,
        largest_that_trains,
        stable_slope,
        failed_share,
        accuracies,
        accuracy_and_updates,
        train_loss,
    )
}
