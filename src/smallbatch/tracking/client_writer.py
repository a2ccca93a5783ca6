"""Write runs to any tracking server with MLflow's client: about four requests per run."""

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from smallbatch.core.records import HistoryRow, Summary
from smallbatch.tracking.run import (
    Entry,
    LoggedRun,
    run_dataset,
    run_metrics,
    run_name,
    run_params,
    run_tags,
)

BATCH = 1000  # metrics per request: MLflow's limit


def find_runs(client: MlflowClient, experiment: str, fleets: set[str]) -> dict[str, LoggedRun]:
    """``{point: run}`` for the fleets' runs; the newest if a point has several."""
    found: dict[str, LoggedRun] = {}
    for fleet in sorted(fleets):
        token = None
        while True:
            page = client.search_runs(
                [experiment], f"tags.fleet = '{fleet}'", max_results=1000, page_token=token
            )
            for run in page:
                tags, budget = run.data.tags, run.data.params.get("budget")
                known = LoggedRun(
                    run.info.run_id, run.info.status == "FINISHED", tags.get("trained"), budget
                )
                found.setdefault(tags["point"], known)
            token = page.token
            if not token:
                break
    return found


def write_runs(
    client: MlflowClient, experiment: str, entries: list[Entry], live: bool
) -> dict[str, str]:
    """Write the runs of `entries`, each (its open run or None, summary, history); returns ``{point:
    run id}``."""
    return {
        summary["point"]: _write(client, experiment, run, summary, history, live)
        for run, summary, history in entries
    }


def _write(
    client: MlflowClient,
    experiment: str,
    run: LoggedRun | None,
    summary: Summary,
    history: list[HistoryRow],
    live: bool,
) -> str:
    tags, after = [], -1
    if run is None:
        created = client.create_run(
            experiment, history[0]["time"], run_tags(summary, history), run_name=run_name(summary)
        )
        run_id = created.info.run_id
    else:
        run_id = run.run_id
        # Every row has the metric lr, so its history shows the epochs that are logged; MLflow's own
        # search for them is slow.
        after = max((metric.step for metric in client.get_metric_history(run_id, "lr")), default=-1)
        if not live:
            tags = [RunTag("status", summary["status"]), RunTag("engine", str(summary["engine"]))]
    metrics = [Metric(*values) for values in run_metrics(history, after)]
    params = [Param(key, value) for key, value in run_params(summary).items()]
    for start in range(0, max(len(metrics), 1), BATCH):
        first = start == 0
        client.log_batch(
            run_id, metrics[start : start + BATCH], params if first else [], tags if first else []
        )
    if not live:
        dataset = Dataset(**run_dataset(summary))
        client.log_inputs(
            run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
        )
        client.set_terminated(run_id, "FINISHED", end_time=history[-1]["time"])
    return run_id
