"""Functions for the Snakefile: settings from ``--config``, planning, and the summary after a
run."""

import difflib
import json
import os
import shlex
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from smallbatch.config.compose import compose
from smallbatch.core.errors import UserError
from smallbatch.core.identity import count
from smallbatch.core.progress import expected
from smallbatch.core.records import Job, StudyPlan
from smallbatch.core.text import count_text
from smallbatch.figures.names import FORMATS, figures_of
from smallbatch.planning.files import other_codes, plan_study, write_plan
from smallbatch.schedules.course import phases_of
from smallbatch.tracking.runs import DATABASE, incomplete

RESULTS = Path("results")
KEYS = {"study", "hydra", "conf", "partial"}


@dataclass(frozen=True)
class Settings:
    studies: tuple[str, ...]
    overrides: tuple[str, ...]  # Hydra's, as in the setting `hydra`
    conf: str | None  # the user's conf folder
    partial: bool

    @property
    def partial_flag(self) -> str:
        """Options of `collect` for a partial report; they change with the store, so that the report
        is rebuilt."""
        if not self.partial:
            return ""
        parts = len(list((RESULTS / "store").glob("*/*/part-*")))
        return f"--partial --stored {parts}"


def read_settings(config: dict, is_module: bool = False) -> Settings:
    """The settings from ``--config key=value``; raises UserError for an unknown one.

    A Snakemake module can receive the whole config of the outer workflow: unknown keys are ignored,
    with a warning for those that look misspelt.
    """
    unknown = sorted(set(config) - KEYS)
    if unknown and not is_module:
        raise UserError(
            f"--config {unknown[0]}: there is no such setting (known: {', '.join(sorted(KEYS))})"
        )
    for key in unknown:
        for near in difflib.get_close_matches(key, KEYS, n=1, cutoff=0.8):
            print(
                f"warning: config key {key} is not a setting of smallbatch; did you mean {near}?",
                file=sys.stderr,
            )
    study, hydra = config.get("study", "digits"), config.get("hydra") or ""
    if not study:
        raise UserError("--config study=: write the name of a study, for example study=digits")
    # Snakemake parses a value like [a,b] as a list and other overrides as a string.
    studies = study if isinstance(study, list) else str(study).split(",")
    try:
        overrides = (
            [str(item) for item in hydra] if isinstance(hydra, list) else shlex.split(str(hydra))
        )
    except ValueError as error:
        raise UserError(
            f"--config hydra={hydra!r}: a quotation mark is missing ({error})"
        ) from error
    partial = str(config.get("partial", False)).lower()
    if partial not in ("true", "false"):
        raise UserError(f"--config partial={config['partial']}: write true or false")
    conf = config.get("conf")
    return Settings(
        tuple(studies), tuple(overrides), None if conf is None else str(conf), partial == "true"
    )


def jobs_find(source: str) -> None:
    """Make this Python and this source tree available to jobs, even if they are not installed or
    activated.

    Environment variables are used because a prefix of Snakemake's shell would also apply to the
    rules of an outer workflow, and after their environments are activated.
    """
    os.environ["PATH"] = os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))


def plan_from_settings(study: str, settings: Settings) -> tuple[str, StudyPlan]:
    """Plan a study and write the plan files; returns the path and the content of the study's
    plan."""
    plan = plan_study(compose(study, list(settings.overrides), settings.conf), settings.conf)
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
    lost = tracking["name"] != "none" and not tracking["uri"] and not (RESULTS / DATABASE).is_file()
    # Delete tracking outputs if a run could not reach MLflow or the database was deleted.
    for tracked in (RESULTS / study / "mlflow.csv", RESULTS / study / "mlflow-report.txt"):
        if incomplete(tracked) or lost:
            tracked.unlink(missing_ok=True)
    _draw_again_what_is_missing(RESULTS / study / "figures", figures_of(plan.study))
    return str(path), plan.study


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
        cost = json.loads(path.read_text())
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
