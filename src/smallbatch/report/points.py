"""The report's table of points, as data for report.js, with links to MLflow."""

from typing import Any

import pandas as pd

from smallbatch.core.rates import format_rate
from smallbatch.core.text import budget_text, norm_text

LOCAL = "http://127.0.0.1:5000"  # the address of `make ui`


def points_data(points: pd.DataFrame, runs: pd.DataFrame | None, uri: str | None) -> dict:
    """``{"columns": [{"name", "kind"}], "rows", "rates", "base"}``; the last value of a row is the
    path of its run in MLflow, or null.

    `points` has one row per point, `runs` the columns of mlflow.csv. A kind is number or text;
    ``rates`` maps each η̃ to its text.
    """
    norms = zip(points["norm"], points["bn_batch_size"], points["batch_size"], strict=True)
    columns = [
        ("m", "number", points["batch_size"]),
        ("norm", "text", [norm_text(*key) for key in norms]),
        ("schedule", "text", points["schedule"]),
        ("budget", "text", points["budget"].map(budget_text)),
        ("η̃", "number", points["base_lr"]),
        ("η", "number", points["lr"].map(_short)),
        ("seed", "number", points["seed"]),
        ("status", "text", points["status"]),
        ("test %", "number", (100 * points["test_accuracy"]).round(2)),
        ("validation %", "number", (100 * points["val_accuracy"]).round(2)),
        ("training loss", "number", points["train_loss"].map(_short)),
        ("updates", "number", points["updates"]),
    ]
    columns = [one for one in columns if one[0] != "schedule" or points["schedule"].nunique() > 1]
    paths: list[str | None] = [None] * len(points)
    if runs is not None and "experiment_id" in runs:
        path = {
            row.point: f"{row.experiment_id}/runs/{row.run_id}"
            for row in runs.itertuples()
            if row.run_id
        }
        paths = [path.get(point) for point in points["point"]]
    values = [[_plain(value) for value in column] for _, _, column in columns]
    return {
        "columns": [{"name": name, "kind": kind} for name, kind, _ in columns],
        "rows": [list(row) for row in zip(*values, paths, strict=True)],
        "rates": {repr(float(rate)): format_rate(rate) for rate in sorted(set(points["base_lr"]))},
        "base": f"{(uri or LOCAL).rstrip('/')}/#/experiments/",
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _plain(value: Any) -> Any:
    """A value for JSON; missing and non-finite numbers become null."""
    if isinstance(value, str):
        return value
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
