"""The MLflow run of a point, as pure functions of its summary (a row of table.parquet) and its
history."""

import json
import math
import re
from dataclasses import dataclass

from smallbatch.core.rates import format_rate
from smallbatch.core.records import HistoryRow, Summary
from smallbatch.measures.registry import EPOCH_MEASURES

METRICS = (
    "train_loss_running",
    "val_loss",
    "val_accuracy",
    "train_loss",
    "test_accuracy",
    "lr",
    "smith_g",
    *(column for measure in EPOCH_MEASURES for column in measure.tracked),
)
PARAMS = (
    "dataset",
    "model",
    "augmentation",
    "optimizer",
    "schedule",
    "batch_size",
    "base_lr",
    "lr",
    "norm",
    "bn_batch_size",
    "budget",
    "updates_planned",
    "seed",
)
LONGEST_PARAM = 6000  # characters in a parameter's value: MLflow's limit


@dataclass(frozen=True)
class LoggedRun:
    """An existing MLflow run."""

    run_id: str
    finished: bool
    trained: str | None  # tag of the run
    budget: str | None  # parameter of the run; None if not logged yet

    def holds(self, summary: Summary, history: list[HistoryRow]) -> bool:
        """Whether the run belongs to this training, since metrics and parameters of a run cannot be
        changed."""
        return self.trained == trained(history) and self.budget in (None, summary["budget"])


# A point to log: its open run (or None), its summary and its history.
Entry = tuple[LoggedRun | None, Summary, list[HistoryRow]]


def trained(history: list[HistoryRow]) -> str:
    """Identifies one training of a point among several: its start time."""
    return str(history[0]["time"])


def norm_name(summary: Summary) -> str:
    return f"bn:{summary['bn_batch_size']:04d}" if summary["norm"] == "bn" else summary["norm"]


def run_name(summary: Summary) -> str:
    """Batch size, norm, rate and seed, with padded numbers so that names sort: ``m0008 none 2**-06
    s03``.

    A schedule other than ``step`` precedes the rate.
    """
    schedule = "" if summary["schedule"] == "step" else f"{summary['schedule']} "
    rate = re.sub(r"-(\d)$", r"-0\1", format_rate(summary["base_lr"]))
    return (
        f"m{summary['batch_size']:04d} {norm_name(summary)} {schedule}{rate} s{summary['seed']:02d}"
    )


def run_tags(summary: Summary, history: list[HistoryRow]) -> dict[str, str]:
    """Tags for searching runs, and the provenance of the result."""
    tags = {
        key: str(summary[key])
        for key in ("point", "fleet", "code", "seed", "commit", "versions", "processor", "engine")
    }
    return tags | {
        "m": f"{summary['batch_size']:04d}",
        "base_lr": format_rate(summary["base_lr"]),
        "norm": norm_name(summary),
        "budget": summary["budget"],
        "trained": trained(history),
        "status": summary["status"] or "training",
        "mlflow.source.git.commit": (summary["commit"] or "unknown").partition(" ")[0],
    }


def run_params(summary: Summary) -> dict[str, str]:
    """Parameters from the table, the keys of model, optimizer and schedule (``model.width``), and
    the precision if set."""
    found = {
        key: str(value) for key, value in summary.items() if key in PARAMS and value is not None
    }
    for group, settings in json.loads(summary["settings"] or "{}").items():
        if isinstance(settings, str):
            found[group] = settings
        else:
            found |= {
                f"{group}.{key}": str(value) for key, value in settings.items() if key != "name"
            }
    return {key: value[:LONGEST_PARAM] for key, value in found.items()}


def run_metrics(history: list[HistoryRow], after: int = -1) -> list[tuple[str, float, int, int]]:
    """(key, value, time, epoch) for epochs after `after`; non-finite values become NaN. The batch
    size is included if it changes."""
    keys = (
        METRICS
        if len({row.get("batch_size") for row in history}) == 1
        else (*METRICS, "batch_size")
    )
    return [
        (key, value if math.isfinite(value) else math.nan, row["time"], row["epoch"])
        for row in history
        if row["epoch"] > after
        for key in keys
        if isinstance(value := row.get(key), float | int)
    ]


def run_dataset(summary: Summary) -> dict[str, str]:
    """Name, digest and location of the prepared data."""
    prepared = summary["data"] or summary["dataset"]
    digest = prepared.rpartition("-")[2]
    return {
        "name": summary["dataset"],
        "digest": digest,
        "source_type": "local",
        "source": f"results/data/{prepared}",
    }
