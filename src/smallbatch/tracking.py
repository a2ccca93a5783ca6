"""MLflow, the window on the runs: ``python -m smallbatch.tracking results/STUDY`` logs what is missing.

The tables are the truth; every function here may be repeated and adds nothing that is there already. One
experiment per study, one run per point, found by its tag ``point``. A server that is down or a database
that is damaged costs a warning, never a training run.
"""

import contextlib
import json
import math
import os
import re
import shutil
import sqlite3
import sys
from pathlib import Path

import pyarrow.parquet as pq

from smallbatch.provenance import commit
from smallbatch.rates import format_rate

METRICS = ("train_loss_running", "val_loss", "val_accuracy", "train_loss", "test_accuracy", "lr")
PARAMS = (
    *("dataset", "model", "augmentation", "optimizer", "schedule", "batch_size", "base_lr", "lr", "norm"),
    *("bn_batch_size", "budget", "updates_planned", "seed"),
)
COLUMNS = {
    "selectedColumns": [
        *(f"metrics.`{key}`" for key in ("test_accuracy", "val_accuracy", "train_loss")),
        *(f"params.`{key}`" for key in ("batch_size", "norm", "bn_batch_size", "base_lr", "lr", "budget", "seed")),
        "tags.`status`",
    ],
    **{"startTime": "ALL", "lifecycleFilter": "Active", "datasetsFilter": [], "modelVersionFilter": "All Runs"},
    **{"orderByKey": "metrics.`test_accuracy`", "orderByAsc": False},
}
VIEWS = {
    "best": {"searchFilter": "tags.status = 'completed'"},
    "diverged": {"searchFilter": "tags.status = 'diverged'", "orderByKey": "attributes.start_time"},
    "untrained": {"searchFilter": "tags.status = 'untrained'", "orderByKey": "attributes.start_time"},
    "report": {"searchFilter": "tags.kind = 'report'", "orderByKey": "attributes.start_time"},
}
DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"


def log_points(
    tracking: dict, study: str, points: list[tuple[dict, list[dict]]], results: Path, live: bool = False
) -> dict:
    """Log points, each a summary (a row of table.parquet) and its history; returns ``{point: run id}``.

    `live` leaves the runs open: the points are still training. A point that was trained again gets a new
    run in place of the old one, since MLflow can't take metrics back. Raises TrackingError.
    """
    with _connection(tracking, results) as client:
        experiment = _experiment(client, tracking, study)
        there = _runs(client, experiment, {summary["fleet"] for summary, _ in points})
        logged = {}
        for summary, history in points:
            point, trained = summary["point"], str(history[0]["time"])
            run = there.get(point)
            # Trained again, or its budget has another name now: neither metrics nor parameters can be changed.
            if run is not None and (
                run.data.tags.get("trained") != trained
                or run.data.params.get("budget", summary["budget"]) != summary["budget"]
            ):
                client.delete_run(run.info.run_id)
                run = None
            if run is None:
                run = _start(client, experiment, summary, trained, history[0]["time"])
            if run.info.status != "FINISHED":
                _fill(client, run.info.run_id, summary, history, live)
            logged[point] = run.info.run_id
        return logged


def _start(client, experiment: str, summary: dict, trained: str, started: int):
    norm = f"bn:{summary['bn_batch_size']:04d}" if summary["norm"] == "bn" else summary["norm"]
    rate = re.sub(r"-(\d)$", r"-0\1", format_rate(summary["base_lr"]))  # 2**-06: names sort
    name = f"m{summary['batch_size']:04d} {norm} {rate} s{summary['seed']:02d}"
    tags = {
        key: str(summary[key])
        for key in ("point", "fleet", "code", "seed", "commit", "versions", "processor", "engine")
    }
    tags |= {
        "m": f"{summary['batch_size']:04d}",
        "base_lr": format_rate(summary["base_lr"]),
        "norm": norm,
        "budget": summary["budget"],
        "trained": trained,
        "status": summary["status"] or "training",
        "mlflow.source.git.commit": (summary["commit"] or "unknown").partition(" ")[0],
    }
    return client.create_run(experiment, start_time=started, run_name=name, tags=tags)


def _params(summary: dict) -> dict[str, str]:
    """A run's parameters: those of the table, and the keys of model, optimizer and schedule (``model.width``)."""
    found = {key: str(summary[key]) for key in PARAMS if summary[key] is not None}
    for group, settings in json.loads(summary["settings"] or "{}").items():
        if isinstance(settings, str):
            found[group] = settings
        else:
            found |= {f"{group}.{key}": str(value) for key, value in settings.items() if key != "name"}
    return found


def _fill(client, run_id: str, summary: dict, history: list[dict], live: bool) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    metrics = [
        Metric(key, row[key] if math.isfinite(row[key]) else math.nan, row["time"], row["epoch"])
        for row in history
        for key in METRICS
        if row[key] is not None
    ]
    params = [Param(key, value) for key, value in _params(summary).items()]
    tags = [] if live else [RunTag("status", summary["status"]), RunTag("engine", summary["engine"])]
    for start in range(0, len(metrics), 1000):  # MLflow's limit for a request
        client.log_batch(run_id, metrics[start : start + 1000], params if not start else [], tags if not start else [])
    if not live:
        prepared = summary["data"] or summary["dataset"]
        data = Dataset(summary["dataset"], prepared.rpartition("-")[2], "local", f"results/data/{prepared}")
        client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
        client.set_terminated(run_id, "FINISHED", end_time=history[-1]["time"])


def log_report(tracking: dict, study: dict, folder: Path, results: Path) -> None:
    """Figures, tables and report of a study as artifacts of its run ``report``, replaced when they are made anew."""
    with _connection(tracking, results) as client:
        experiment = _experiment(client, tracking, study["study"])
        found = client.search_runs([experiment], "tags.kind = 'report'", max_results=1)
        run = found[0] if found else client.create_run(experiment, run_name="report", tags={"kind": "report"})
        files = [folder / "report.html", folder / "best.csv", *sorted((folder / "figures").iterdir())]
        if tracking["uri"]:
            for path in files:
                client.log_artifact(run.info.run_id, str(path), "figures" if path.parent.name == "figures" else None)
        else:  # where the server of `make ui` looks for them: no absolute path in the database
            target = results / ARTIFACTS / study["study"] / run.info.run_id / "artifacts"
            for path in files:
                (target / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / path.relative_to(folder))
        client.set_tag(run.info.run_id, "commit", commit())
        client.set_terminated(run.info.run_id, "FINISHED")


class TrackingError(Exception):
    """MLflow could not be reached or written; the text is one sentence with the fix."""


@contextlib.contextmanager
def _connection(tracking: dict, results: Path):
    """A client of the tracking store, alone in it if it is SQLite; raises TrackingError."""
    # No usage reports; and a server that is down is noticed in seconds.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    uri = tracking["uri"]
    try:
        from filelock import FileLock
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise TrackingError(
            f"mlflow is not installed here ({error}); `snakemake track` logs the runs where it is"
        ) from error
    try:
        if uri:
            yield MlflowClient(uri)
            return
        results.mkdir(parents=True, exist_ok=True)
        path = (results / DATABASE).resolve()
        # A fresh database that two processes open at once breaks, and stays broken.
        with FileLock(results / f".{DATABASE}.lock"):
            if not path.exists():
                _make_database(path)
            client = MlflowClient(f"sqlite:///{path}")
            client.search_experiments(max_results=1)
            yield client
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        reason = str(error).strip().splitlines()[0][:300]
        if uri:
            text = f"the tracking server {uri} could not be used ({reason}); start it or set tracking.uri, then run snakemake track"
        else:
            text = (
                f"{results / DATABASE} could not be used ({reason}); delete it and run snakemake track, "
                "which writes it again from the tables"
            )
        raise TrackingError(text) from error


def _make_database(path: Path) -> None:
    """Make MLflow's tables aside: a database whose making was killed halfway is broken for good."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    aside = path.with_name(f".{path.name}.new")
    for left in path.parent.glob(f"{aside.name}*"):  # by a process that was killed; SQLite's journal too
        left.unlink()
    store = SqlAlchemyStore(f"sqlite:///{aside}", "mlflow-artifacts:/")
    store.engine.dispose()
    os.replace(aside, path)


def _experiment(client, tracking: dict, study: str) -> str:
    """The id of the study's experiment, made where it is missing."""
    found = client.get_experiment_by_name(study)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return found.experiment_id
    # Without this kind MLflow 3 opens an experiment in its view for language models.
    tags = {"mlflow.experimentKind": "custom_model_development"}
    # The user interface's own way of sharing a view: columns, order and filter under a name in the address.
    tags |= {f"mlflow.sharedViewState.{name}": json.dumps(COLUMNS | view) for name, view in VIEWS.items()}
    place = None if tracking["uri"] else f"mlflow-artifacts:/{study}"
    try:
        return client.create_experiment(study, artifact_location=place, tags=tags)
    except Exception:  # another job made it on the server meanwhile; if not, the error is real
        found = client.get_experiment_by_name(study)
        if found is None:
            raise
        return found.experiment_id


def _runs(client, experiment: str, fleets: set[str]) -> dict:
    """``{point: run}`` of the fleets' runs. Several runs of a point: the newest."""
    found = {}
    for fleet in sorted(fleets):
        token = None
        while True:
            page = client.search_runs([experiment], f"tags.fleet = '{fleet}'", max_results=1000, page_token=token)
            for run in page:
                found.setdefault(run.data.tags["point"], run)
            token = page.token
            if not token:
                break
    return found


def track_study(folder: Path) -> None:
    """Log every point and the report of a study; writes mlflow.csv, whose first line says so if it is incomplete."""
    study = json.loads((folder / "study.json").read_text())
    tracking, results = study["config"]["tracking"], folder.parent
    summaries = pq.read_table(folder / "table.parquet").to_pylist()
    histories: dict[str, list] = {}
    for row in pq.read_table(folder / "history.parquet").to_pylist():
        histories.setdefault(row["point"], []).append(row)
    logged, note = {}, ""
    try:
        logged = log_points(tracking, study["study"], [(s, histories[s["point"]]) for s in summaries], results)
        log_report(tracking, study, folder, results)
    except TrackingError as error:
        note = INCOMPLETE
        print(f"warning: not tracked: {error}", file=sys.stderr)
    lines = [f"{s['point']},{logged.get(s['point'], '')}" for s in summaries]
    (folder / "mlflow.csv").write_text("\n".join([f"point,run_id{note}", *lines]) + "\n")


INCOMPLETE = " (incomplete)"


def incomplete(path: Path) -> bool:
    """Whether mlflow.csv lacks runs, so that it must be made again."""
    return path.is_file() and path.read_text().partition("\n")[0].endswith(INCOMPLETE)


if __name__ == "__main__":
    track_study(Path(sys.argv[1]))
