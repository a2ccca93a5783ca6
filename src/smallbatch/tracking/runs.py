"""Log runs in MLflow: ``python -m smallbatch.tracking results/STUDY`` logs missing runs, with
``--report`` the report.

The tables are the source of truth. Every function here is idempotent: nothing is logged twice. Each
study is an experiment, and each point is a run, found by its tag ``point``. An unreachable server
or a damaged database results in a warning; training does not fail.
"""

import contextlib
import gc
import importlib.metadata
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from smallbatch.core.atomic import temporary_prefix, write_atomically
from smallbatch.core.provenance import commit
from smallbatch.core.records import LoggedPoint, StudyPlan
from smallbatch.core.user_cache import home_folder
from smallbatch.tracking.server import why_unusable

COLUMNS = {
    "selectedColumns": [
        *(f"metrics.`{key}`" for key in ("test_accuracy", "val_accuracy", "train_loss")),
        *(
            f"params.`{key}`"
            for key in (
                "batch_size",
                "norm",
                "bn_batch_size",
                "schedule",
                "base_lr",
                "lr",
                "budget",
                "seed",
            )
        ),
        "tags.`status`",
    ],
    **{
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
    },
    **{"orderByKey": "metrics.`test_accuracy`", "orderByAsc": False},
}
VIEWS = {
    "best": {"searchFilter": "tags.status = 'completed'"},
    "diverged": {"searchFilter": "tags.status = 'diverged'", "orderByKey": "attributes.start_time"},
    "untrained": {
        "searchFilter": "tags.status = 'untrained'",
        "orderByKey": "attributes.start_time",
    },
    "report": {"searchFilter": "tags.kind = 'report'", "orderByKey": "attributes.start_time"},
}
DATABASE = "mlflow.db"
# Versions of MLflow with tables that can be written directly; see tests/tracking/test_ways.py.
KNOWN_TABLES = ("3.17.2",)
ARTIFACTS = "mlartifacts"


def log_points(
    tracking: dict[str, Any],
    study: str,
    points: list[LoggedPoint],
    results: Path,
    live: bool = False,
) -> dict:
    """Log points, each a summary (a row of table.parquet) and its history; returns ``{point: run
    id}``.

    With `live`, runs stay open because their points are still training. If a point was trained
    again, a new run replaces the old one, since MLflow cannot delete metrics. Raises TrackingError
    if MLflow cannot be used.
    """
    with _connection(tracking, results) as client:
        experiment = _experiment(client, tracking, study)
        way, store = _way(client, tracking, results)
        there = way.find_runs(store, experiment, {summary["fleet"] for summary, _ in points})
        logged, entries = {}, []
        for summary, history in points:
            run = there.get(summary["point"])
            if run is not None and not run.holds(summary, history):
                client.delete_run(run.run_id)
                run = None
            if run is not None and run.finished:
                logged[summary["point"]] = run.run_id
            else:
                entries.append((run, summary, history))
        return logged | way.write_runs(store, experiment, entries, live)


def _way(client: Any, tracking: dict[str, Any], results: Path) -> tuple[Any, Any]:
    """The module that writes runs, and its store: directly to SQLite for known versions of MLflow,
    else with the client."""
    if tracking["uri"] or importlib.metadata.version("mlflow") not in KNOWN_TABLES:
        from smallbatch.tracking import client_writer

        return client_writer, client
    from smallbatch.tracking import sqlite_writer

    return sqlite_writer, sqlite_writer.SqlAlchemyStore(_address(results), "mlflow-artifacts:/")


def log_report(tracking: dict[str, Any], study: StudyPlan, folder: Path, results: Path) -> None:
    """Log figures, tables and report of a study as artifacts of its run ``report``; existing ones
    are replaced."""
    with _connection(tracking, results) as client:
        experiment = _experiment(client, tracking, study["study"])
        found = client.search_runs([experiment], "tags.kind = 'report'", max_results=1)
        run = (
            found[0]
            if found
            else client.create_run(experiment, run_name="report", tags={"kind": "report"})
        )
        files = [
            *(folder / name for name in ("report.html", "best.csv", "claims.json")),
            *sorted((folder / "figures").iterdir()),
        ]
        if tracking["uri"]:
            for path in files:
                client.log_artifact(
                    run.info.run_id, str(path), "figures" if path.parent.name == "figures" else None
                )
        else:  # the artifact folder of `make ui`: no absolute paths in the database
            target = results / ARTIFACTS / study["study"] / run.info.run_id / "artifacts"
            for path in files:
                (target / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / path.relative_to(folder))
        client.set_tag(run.info.run_id, "commit", commit())
        client.set_terminated(run.info.run_id, "FINISHED")


class TrackingError(Exception):
    """MLflow is not reachable or not writable; the text is one sentence with the fix."""


@contextlib.contextmanager
def _connection(tracking: dict[str, Any], results: Path) -> Iterator[Any]:
    """A client of the tracking store, with an exclusive lock if it is SQLite; raises
    TrackingError."""
    # No usage reports, and short timeouts for unreachable servers.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("HOME", str(home_folder()))  # MLflow can't do without one
    uri = tracking["uri"]
    try:
        with _without_collecting():
            from filelock import FileLock
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
            from sqlalchemy.exc import SQLAlchemyError

            if not uri:  # the first client imports it; import it now, without the lock
                import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
    except ImportError as error:
        raise TrackingError(
            f"mlflow is not installed here ({error}); `snakemake track` logs the runs where it is"
        ) from error
    try:
        if uri:
            yield MlflowClient(uri)
            return
        results.mkdir(parents=True, exist_ok=True)
        # A new database is permanently broken if two processes create it at the same time.
        with FileLock(results / f".{DATABASE}.lock"):
            if not (results / DATABASE).exists():
                _make_database((results / DATABASE).resolve())
            client = MlflowClient(_address(results))
            client.search_experiments(max_results=1)
            yield client
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingError(why_unusable(uri, results / DATABASE, error)) from error


def _address(results: Path) -> str:
    return f"sqlite:///{(results / DATABASE).resolve()}"


def _make_database(path: Path) -> None:
    """Create MLflow's tables in a temporary file, since an interrupted initialisation leaves the
    database permanently broken."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # Files of a killed process, including SQLite's journal.
    for left in path.parent.glob(f"{temporary_prefix(path)}*"):
        left.unlink()
    with write_atomically(path) as temporary:
        temporary.touch()  # SQLite itself would not let a group write, whatever the umask
        store = SqlAlchemyStore(f"sqlite:///{temporary}", "mlflow-artifacts:/")
        store.engine.dispose()


def _experiment(client: Any, tracking: dict[str, Any], study: str) -> str:
    """The id of the study's experiment, which is created if missing."""
    found = client.get_experiment_by_name(study)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return found.experiment_id
    # Without this kind, MLflow 3 opens an experiment in its view for language models.
    tags = {"mlflow.experimentKind": "custom_model_development"}
    # Shared views of the user interface: columns, order and filter under a name in the URL.
    tags |= {
        f"mlflow.sharedViewState.{name}": json.dumps(COLUMNS | view) for name, view in VIEWS.items()
    }
    place = None if tracking["uri"] else f"mlflow-artifacts:/{study}"
    try:
        return client.create_experiment(study, artifact_location=place, tags=tags)
    except Exception:  # another job may have created it meanwhile; otherwise, raise
        found = client.get_experiment_by_name(study)
        if found is None:
            raise
        return found.experiment_id


def track_study(folder: Path) -> None:
    """Log every point of a study and write mlflow.csv; its first line is marked if runs are
    missing."""
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    tracking, results = study["config"]["tracking"], folder.parent
    summaries = pq.read_table(folder / "table.parquet").to_pylist()
    histories: dict[str, list] = {}
    for row in pq.read_table(folder / "history.parquet").to_pylist():
        histories.setdefault(row["point"], []).append(row)
    logged, experiment, note = {}, "", ""
    try:
        logged = log_points(
            tracking, study["study"], [(s, histories[s["point"]]) for s in summaries], results
        )
        with _connection(tracking, results) as client:
            experiment = _experiment(client, tracking, study["study"])
    except TrackingError as error:
        note = INCOMPLETE
        print(f"warning: not tracked: {error}", file=sys.stderr)
    except Exception as error:  # the report needs the file, but not the links
        note = INCOMPLETE
        print(f"warning: not tracked: {type(error).__name__}: {error}", file=sys.stderr)
    lines = [f"{s['point']},{logged.get(s['point'], '')},{experiment}" for s in summaries]
    (folder / "mlflow.csv").write_text(
        "\n".join([f"point,run_id,experiment_id{note}", *lines]) + "\n", encoding="utf-8"
    )


def track_report(folder: Path) -> None:
    """Log figures, tables and report of a study and write the outcome to mlflow-report.txt."""
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    said = "logged"
    try:
        log_report(study["config"]["tracking"], study, folder, folder.parent)
    except TrackingError as error:
        said = f"not logged{INCOMPLETE}"
        print(f"warning: report not tracked: {error}", file=sys.stderr)
    (folder / "mlflow-report.txt").write_text(said + "\n", encoding="utf-8")


INCOMPLETE = " (incomplete)"


def incomplete(path: Path) -> bool:
    """Whether a file (mlflow.csv or mlflow-report.txt) is marked as incomplete and must be written
    again."""
    return path.is_file() and path.read_text(encoding="utf-8").partition("\n")[0].endswith(
        INCOMPLETE
    )


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Disable garbage collection: imports create many permanent objects, and scanning them takes a
    third of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
