"""What the Snakefile calls: the settings of ``--config``, planning, and the summary after a run."""

import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from smallbatch.compose import compose
from smallbatch.errors import UserError
from smallbatch.plan_files import other_codes, plan_study, write_plan
from smallbatch.points import count
from smallbatch.progress import expected
from smallbatch.schedules.course import course
from smallbatch.text import count_text
from smallbatch.tracking import DATABASE, incomplete

RESULTS = Path("results")
KEYS = {"study", "hydra", "conf", "partial"}


@dataclass(frozen=True)
class Settings:
    studies: tuple[str, ...]
    overrides: tuple[str, ...]  # Hydra's, as in the setting `hydra`
    conf: str | None  # the user's own conf folder
    partial: bool

    @property
    def partial_flag(self) -> str:
        """The option of `collect`, which changes as the store fills, so that a partial report is made anew."""
        if not self.partial:
            return ""
        parts = len(list((RESULTS / "store").glob("*/*/part-*")))
        return f"--partial --stored {parts}"


def read_settings(config: dict) -> Settings:
    """The settings given by ``--config key=value``; raises UserError for an unknown one."""
    unknown = sorted(set(config) - KEYS)
    if unknown:
        raise UserError(f"--config {unknown[0]}: there is no such setting (known: {', '.join(sorted(KEYS))})")
    study, hydra = config.get("study", "digits"), config.get("hydra") or ""
    if not study:
        raise UserError("--config study=: write the name of a study, for example study=digits")
    # A value like [a,b] arrives as a list, and one override without spaces as a string.
    studies = study if isinstance(study, list) else str(study).split(",")
    try:
        overrides = [str(item) for item in hydra] if isinstance(hydra, list) else shlex.split(str(hydra))
    except ValueError as error:
        raise UserError(f"--config hydra={hydra!r}: a quotation mark is missing ({error})") from error
    partial = str(config.get("partial", False)).lower()
    if partial not in ("true", "false"):
        raise UserError(f"--config partial={config['partial']}: write true or false")
    conf = config.get("conf")
    return Settings(tuple(studies), tuple(overrides), None if conf is None else str(conf), partial == "true")


def plan_from_settings(study: str, settings: Settings) -> tuple[str, dict]:
    """Plan a study and write its files; returns the path of the study's and its content."""
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
    # Left by a run that could not reach MLflow, or the database was deleted: it doesn't count as there.
    for tracked in (RESULTS / study / "mlflow.csv", RESULTS / study / "mlflow-report.txt"):
        if incomplete(tracked) or lost:
            tracked.unlink(missing_ok=True)
    return str(path), plan.study


def compile_once() -> None:
    """Compile the training step, where this machine hasn't yet, before jobs would each do so."""
    try:
        from smallbatch.training.compiled.cache import stamp

        if stamp().exists():
            return
        begun = time.monotonic()
        print("compiling the training step, once for this machine (some 20 s) ...", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "smallbatch.training.compiled"], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        kept = "" if stamp().exists() else f", but {stamp().parent} can't be written: every job will compile for itself"
        print(f"compiled in {time.monotonic() - begun:.0f} s{kept}", file=sys.stderr, flush=True)
    except Exception as error:  # Numba missing or unfit: training is slower then, not other
        print(f"warning: the compiled training step can't be used ({error}); training is slower", file=sys.stderr)


def count_job(job: dict) -> tuple[int, int]:
    """Points and training images of a planned job."""
    points = images = 0
    for entry in job["fleets"]:
        points += count(entry["points"])
        images += count(entry["points"]) * course(entry["fleet"])[-1].end
    return points, images


def source_files(src: str, names: tuple[str, ...]) -> list[str]:
    """Paths under ``src/smallbatch``; a name that ends in / stands for the files in that folder."""
    found = []
    for name in names:
        path = Path(src) / "smallbatch" / name
        files = (
            sorted(p for p in path.iterdir() if p.suffix in (".py", ".html", ".css", ".js"))
            if name.endswith("/")
            else [path]
        )
        found += [str(file) for file in files]
    return found


def print_cost(studies: tuple[str, ...], started: float, cores: int | None) -> None:
    """Print what the run took: wall time, and the training loops of the jobs that ran in it.

    `cores` are those of this machine that jobs shared; None on a cluster.
    """
    trained, loop = 0, 0.0
    for path in RESULTS.glob("jobs/*/cost.json"):
        cost = json.loads(path.read_text())
        if cost["started"] >= started:
            trained += cost["trained"]
            loop += cost["loop_seconds"]
    wall = time.time() - started
    text = f"{count_text(trained, 'point')} trained in {wall:.0f} s: {loop:.0f} s in training loops"
    if not trained:
        text = f"nothing to train; {wall:.0f} s"
    elif cores:
        text += f", on {count_text(cores, 'core')} {loop / cores:.0f} s; everything else {wall - loop / cores:.0f} s"
    print(text, file=sys.stderr)
    for study in studies:
        page, best = RESULTS / study / "report.html", RESULTS / study / "best.csv"
        if page.is_file() and page.stat().st_mtime >= best.stat().st_mtime:
            print(f"report: {page}", file=sys.stderr)
