"""Functions for the Snakefile: planning, and the summary after a run."""

import json
import os
import sys
import time
from collections.abc import Collection
from pathlib import Path

from smallbatch.config.compose import compose
from smallbatch.core.errors import UserError, of_another_user
from smallbatch.core.identity import count
from smallbatch.core.progress import expected
from smallbatch.core.records import Job, StudyPlan
from smallbatch.core.text import count_text
from smallbatch.figures.names import FORMATS, figures_of
from smallbatch.planning.files import other_codes, plan_study, write_plan
from smallbatch.schedules.course import phases_of
from smallbatch.tracking.runs import DATABASE, incomplete
from smallbatch.tracking.server import unused_variable
from smallbatch.workflow.settings import RESULTS, Settings


def jobs_find(source: str) -> None:
    """Make this Python and this source tree available to jobs, even if they are not installed or
    activated.

    Environment variables are used because a prefix of Snakemake's shell would also apply to the
    rules of an outer workflow, and after their environments are activated.
    """
    if os.pathsep in source:
        raise UserError(
            f"{source}: a folder with {os.pathsep} in its name is not supported; move or rename the checkout"
        )
    os.environ["PATH"] = os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]])
    # What jobs write and print does not depend on the locale, nor does what a user's code reads.
    os.environ["PYTHONUTF8"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))


def plan_from_settings(study: str, settings: Settings, trace: bool) -> tuple[str, StudyPlan]:
    """Plan a study and write the plan files; returns the path and the content of the study's plan.

    Networks are constructed, to predict memory, only with `trace`.
    """
    _check_writable(study)
    try:
        config = compose(study, list(settings.overrides), settings.conf)
    except UserError as error:
        if "there is no study" in str(error) and settings.conf is None:
            raise UserError(
                f"{error}; a study of your own: --config conf=FOLDER, with FOLDER/study/{study}.yaml"
            ) from None
        raise
    plan = plan_study(config, settings.conf, trace)
    path = write_plan(plan, RESULTS)
    size = f"{count_text(plan.study['points'], 'point')} in {count_text(plan.study['fleets'], 'fleet')}, {count_text(len(plan.jobs), 'job')}"
    print(f"study {study}: {size}", *plan.study["overrides"], file=sys.stderr)
    for code, fleets in other_codes(plan, RESULTS).items():
        print(
            f"study {study}: {count_text(fleets, 'fleet')} trained with other code ({code}; now {plan.study['code']}) will be "
            f'trained again; to keep their results: --config hydra="accept_code=[{code}]"',
            file=sys.stderr,
        )
    for name, job in plan.jobs.items():
        if not (RESULTS / "jobs" / name / "cost.json").is_file():
            expected[name] = count_job(job)
    tracking = plan.study["config"]["tracking"]
    if said := unused_variable(tracking):
        print(f"study {study}: {said}", file=sys.stderr)
    lost = tracking["name"] != "none" and not tracking["uri"] and not (RESULTS / DATABASE).is_file()
    # Delete tracking outputs if a run could not reach MLflow or the database was deleted.
    for tracked in (RESULTS / study / "mlflow.csv", RESULTS / study / "mlflow-report.txt"):
        if incomplete(tracked) or lost:
            tracked.unlink(missing_ok=True)
    _draw_again_what_is_missing(RESULTS / study / "figures", figures_of(plan.study))
    return str(path), plan.study


def _check_writable(study: str) -> None:
    """Raise UserError if another user made what a run of this study writes, and this one may not."""
    shared = ("plan", "data", "store", "jobs", "logs", "benchmarks", "drawn")
    for path in [*(RESULTS / name for name in shared), *sorted((RESULTS / study).glob("*"))]:
        if said := of_another_user(path):
            raise UserError(said)


def _draw_again_what_is_missing(folder: Path, names: list[str]) -> None:
    """Delete figures.json if a figure is missing, since Snakemake does not check the content of the
    folder."""
    if any(not (folder / f"{name}.{kind}").is_file() for name in names for kind in FORMATS):
        folder.with_name("figures.json").unlink(missing_ok=True)


def count_job(job: Job) -> tuple[int, int]:
    """The numbers of points and training images of a planned job."""
    points = images = 0
    for entry in job["fleets"]:
        points += count(entry["points"])
        images += count(entry["points"]) * phases_of(entry["fleet"])[-1].end
    return points, images


def print_cost(
    studies: tuple[str, ...], started: float, cores: int | None, jobs: Collection[str]
) -> None:
    """Print the wall time of the run and the time in training loops of its `jobs`; other runs may
    train in the same folder.

    `cores` is the number of cores of this machine that jobs shared; None on a cluster.
    """
    trained, loop = 0, 0.0
    for path in RESULTS.glob("jobs/*/cost.json"):
        cost = json.loads(path.read_text(encoding="utf-8"))
        if path.parent.name in jobs and cost["started"] >= started:
            trained += cost["trained"]
            loop += cost["loop_seconds"]
    wall = time.time() - started
    text = f"{count_text(trained, 'point')} trained in {wall:.0f} s: {loop:.0f} s in training loops"
    if not trained:
        text = f"nothing to train; {wall:.0f} s"
    elif cores:
        text += f", on {count_text(cores, 'core')} {loop / cores:.0f} s"
        if wall > loop / cores:  # not where other work shared the cores
            text += f"; everything else {wall - loop / cores:.0f} s"
    print(text, file=sys.stderr)
    for study in studies:
        page, best = RESULTS / study / "report.html", RESULTS / study / "best.csv"
        if page.is_file() and page.stat().st_mtime >= best.stat().st_mtime:
            print(f"report: {page}", file=sys.stderr)
