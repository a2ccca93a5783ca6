"""The two ways of writing runs fill MLflow's tables alike: its client's calls, and rows inserted
together."""

import math
import os
import sqlite3

import pytest
from mlflow.tracking import MlflowClient

from smallbatch.tracking import runs as tracking
from smallbatch.tracking.run import METRICS, run_params, run_tags

SQLITE = {"name": "mlflow", "uri": None}
# ids that differ in every database
RANDOM = {
    "run_uuid",
    "input_uuid",
    "dataset_uuid",
    "source_id",
    "destination_id",
}


def point(name: str, epochs: int, **changes) -> tuple[dict, list[dict]]:
    """A summary and a history, with the None and NaN that real ones have."""
    summary = {
        **{
            "point": name,
            "fleet": "fleet-a",
            "code": "c0de",
            "seed": 3,
            "commit": "1234567 (dirty)",
        },
        **{
            "versions": "Python 3.11",
            "processor": "a processor",
            "engine": "fleet",
            "batch_size": 8,
        },
        **{
            "base_lr": 2.0**-6,
            "lr": 2.0**-3,
            "norm": "bn",
            "bn_batch_size": 8,
            "budget": "epochs:3",
        },
        **{
            "status": "completed",
            "dataset": "digits",
            "model": "conv",
            "augmentation": "none",
            "optimizer": "sgd",
        },
        **{
            "schedule": "step",
            "updates_planned": 30,
            "data": "digits-0123",
            "settings": '{"model": {"width": 8}}',
        },
    }
    history = [
        {
            **{
                "epoch": epoch,
                "time": 1_700_000_000_000 + 1000 * epoch,
                "lr": 2.0**-3,
                "val_accuracy": epoch / 10,
            },
            "train_loss_running": None if epoch == 0 else 1 / epoch,
            "val_loss": math.inf if epoch == 2 else 0.5,
            "train_loss": 0.25 if epoch == 3 else None,
            "test_accuracy": math.nan if epoch == 3 else None,
        }
        for epoch in range(epochs + 1)
    ]
    return summary | changes, history


def log(results, epochs: int, live: bool = False, **changes) -> dict:
    """Log three points; one in another fleet, one without batch norm and with a value longer than
    MLflow allows."""
    width = "9" * 7000
    plain = {
        "norm": "none",
        "bn_batch_size": None,
        "settings": f'{{"model": {{"width": "{width}"}}}}',
    }
    points = [
        point("a", epochs, **changes),
        point(
            "b", epochs, **({"fleet": "fleet-b", "status": "diverged", "commit": None} | changes)
        ),
        point("c", epochs, **(plain | changes)),
    ]
    return tracking.log_points(SQLITE, "study", points, results, live)


def rows(results) -> dict[str, list]:
    """Every row of every table but for random ids and the clock."""
    with sqlite3.connect(results / tracking.DATABASE) as database:
        database.row_factory = sqlite3.Row
        found = {}
        for (table,) in database.execute(
            "select name from sqlite_master where type = 'table'"
        ).fetchall():
            content = [dict(row) for row in database.execute(f'select * from "{table}"')]
            for row in content:
                for key in RANDOM & set(row):
                    row[key] = "id"
                if table == "runs":
                    row["artifact_uri"] = row["artifact_uri"].rpartition("/")[2]
                    row["deleted_time"] = row["deleted_time"] is not None
                if table == "experiments":
                    row["creation_time"] = row["last_update_time"] = 0
            found[table] = sorted(content, key=repr)
        return found


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A database as MLflow makes it, to be copied: making one takes a second."""
    results = tmp_path_factory.mktemp("empty")
    tracking._make_database(results / tracking.DATABASE)
    return (results / tracking.DATABASE).read_bytes()


def results_of(empty, folder):
    folder.mkdir()
    (folder / tracking.DATABASE).write_bytes(empty)
    return folder


def finished_at_once(results):
    log(results, 3)


def finished_after_logging_live(results):
    running = {"status": "training", "engine": None}
    for epochs in (1, 1, 2):
        log(results, epochs, live=True, **running)
    log(results, 3)


def trained_again(results):
    log(results, 2, live=True)
    log(results, 3, budget="epochs:4")


@pytest.mark.parametrize("course", [finished_at_once, finished_after_logging_live, trained_again])
def test_both_ways_leave_the_same_rows(empty, tmp_path, monkeypatch, course):
    together, by_calls = (
        results_of(empty, tmp_path / "together"),
        results_of(empty, tmp_path / "by_calls"),
    )
    course(together)
    monkeypatch.setattr(tracking, "KNOWN_TABLES", ())
    course(by_calls)
    found, expected = rows(together), rows(by_calls)
    assert (
        len(expected["runs"]) == (6 if course is trained_again else 3)
        and len(expected["metrics"]) > 30
    )
    assert found == expected


def test_each_way_knows_the_runs_of_the_other(empty, tmp_path, monkeypatch):
    results = results_of(empty, tmp_path / "results")
    log(results, 1, live=True)
    monkeypatch.setattr(tracking, "KNOWN_TABLES", ())
    logged = log(results, 3)
    monkeypatch.undo()
    before = rows(results)
    assert log(results, 3) == logged and rows(results) == before


def test_mlflow_reads_what_was_inserted(empty, tmp_path):
    results = results_of(empty, tmp_path / "results")
    logged = log(results, 3)
    client = MlflowClient(f"sqlite:///{results}/{tracking.DATABASE}")
    run = client.get_run(logged["a"])
    summary, history = point("a", 3)
    assert run.info.status == "FINISHED" and run.info.artifact_uri.endswith(
        f"/study/{run.info.run_id}/artifacts"
    )
    assert (run.info.start_time, run.info.end_time) == (history[0]["time"], history[-1]["time"])
    assert run.data.params == run_params(summary)
    assert run.data.tags == run_tags(summary, history) | {"mlflow.runName": run.info.run_name}
    assert run.inputs.dataset_inputs[0].dataset.digest == "0123"
    assert [row.value for row in client.get_metric_history(logged["a"], "val_accuracy")] == [
        0,
        0.1,
        0.2,
        0.3,
    ]
    told = {key for key in METRICS if history[-1].get(key) is not None}
    assert (
        math.isnan(run.data.metrics["test_accuracy"])
        and set(run.data.metrics) == told
        and len(told) >= 6
    )
    # runs that were inserted can be written to by MLflow
    client.set_tag(logged["a"], "mine", "kept")
    assert client.search_runs([run.info.experiment_id], "tags.mine = 'kept' and metrics.lr > 0.1")
    client.delete_run(logged["b"])
    assert set(log(results, 3).values()) & set(logged.values()) == {logged["a"], logged["c"]}


def test_an_error_without_a_text_is_named_by_its_class(tmp_path, monkeypatch):
    """A job logs after its training: what goes wrong there may cost a warning, and not the job's
    tables."""

    def fails(path):
        raise TimeoutError

    monkeypatch.setattr(tracking, "_make_database", fails)
    with pytest.raises(
        tracking.TrackingError, match=r"mlflow\.db could not be used \(TimeoutError\)"
    ):
        log(tmp_path, 1)


def test_the_database_has_the_permissions_that_the_umask_leaves(tmp_path):
    before = os.umask(0o002)
    try:
        tracking._make_database(tmp_path / "mlflow.db")
    finally:
        os.umask(before)
    assert (tmp_path / "mlflow.db").stat().st_mode & 0o777 == 0o664
