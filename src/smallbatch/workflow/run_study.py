"""Train a study without Snakemake: compose, plan, prepare the data, run the jobs in order, and
print the mean accuracies."""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, TextIO

import hydra

from smallbatch.config.compose import compose
from smallbatch.config.own_folder import CONF, check_installed
from smallbatch.core.errors import UserError, main_errors
from smallbatch.core.rates import format_rate
from smallbatch.core.records import StudyConfig
from smallbatch.core.user_folder import user_folder
from smallbatch.data.fetch import fetch
from smallbatch.data.prepare import prepare
from smallbatch.jobs.run import RESULTS, run_job
from smallbatch.planning.files import plan_study, write_plan
from smallbatch.storage import store
from smallbatch.tracking.server import unused_variable

# Options of Hydra that show something in place of training.
SHOWING = {
    *("--help", "-h", "--hydra-help", "--version", "--shell-completion", "-sc"),
    *("--cfg", "-c", "--info", "-i"),
}


def main(arguments: list[str]) -> None:
    """Train the study given by ``key=value`` arguments, or let Hydra show its configuration.

    Arguments are composed here: Hydra itself would run the ``hydra.callbacks`` of a study.
    """
    if {"-m", "--multirun"} & set(arguments):
        raise SystemExit(
            "error: -m: sweeps of Hydra can't resume; write the grid's axes instead: 'grid.batch_size=[2,4]'"
        )
    with main_errors():
        check_installed()
    if any(argument.partition("=")[0] in SHOWING for argument in arguments):
        hydra.main(config_path=str(CONF.resolve()), config_name="config", version_base="1.3")(
            _shown
        )()
        return
    with main_errors():
        folder, words = _own_folder(arguments)
        studies = [word for word in words if word.startswith("study=")]
        overrides = [word for word in words if word not in studies]
        unclear = [word for word in overrides if "=" not in word and not word.startswith("~")]
        if unclear:
            raise UserError(
                f"{unclear[0]}: neither a plan file (results/plan/JOB.json) nor an override (key=value)"
            )
        study = studies[-1].partition("=")[2] if studies else "digits"
        try:
            train_study(compose(study, overrides, folder), folder)
        except UserError as error:
            if "there is no study" in str(error) and folder is None:
                raise UserError(
                    f"{error}; a study of your own: --config-dir FOLDER, with FOLDER/study/{study}.yaml"
                ) from None
            raise


def _shown(composed: Any) -> None:
    """Hydra has shown what was asked for."""


def _own_folder(arguments: list[str]) -> tuple[str | None, list[str]]:
    """The folder of ``--config-dir``, and the other arguments; raises UserError for other
    options."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    try:
        known, words = parser.parse_known_args(arguments)
    except SystemExit:  # it has printed why
        raise UserError("--config-dir: write the folder that holds study/NAME.yaml") from None
    for word in words:
        if word.startswith("-"):
            raise UserError(f"{word}: not supported; write key=value, or --help")
    return known.config_dir and str(Path(known.config_dir).resolve()), words


def train_study(config: StudyConfig, folder: str | None) -> None:
    plan = plan_study(config, folder)
    write_plan(plan, RESULTS)
    if said := unused_variable(config["tracking"]):
        print(f"study {config['study']}: {said}", file=sys.stderr)
    for name in plan.data:
        if not (RESULTS / "data" / name / "about.json").is_file():
            user_folder(folder)
            data = json.loads((RESULTS / "plan" / f"{name}.data.json").read_text(encoding="utf-8"))
            prepare(data, RESULTS / "data" / name, fetch(data["dataset"]))
    rows = []
    for name in plan.study["jobs"]:
        run_job(RESULTS / "plan" / f"{name}.json")
        rows += store.read(RESULTS / "jobs" / name, "summary").to_pylist()
    print_means(rows)


def print_means(rows: list[dict], file: TextIO = sys.stdout) -> None:
    """Mean accuracy over seeds of every setting."""
    settings = defaultdict(list)
    for row in rows:
        settings[
            row["batch_size"],
            row["norm"],
            row["bn_batch_size"] or 0,
            row["updates_planned"],
            row["base_lr"],
        ].append(row)
    print(
        f"{'m':>6} {'norm':>8} {'updates':>8} {'base_lr':>10} {'lr':>8} {'seeds':>5} {'failed':>6} {'validation':>10} {'test':>7}",
        file=file,
    )
    for (m, norm, b, updates, base_lr), group in sorted(settings.items()):
        validation, test = (
            sum(row[key] for row in group) / len(group) for key in ("val_accuracy", "test_accuracy")
        )
        failed = sum(row["status"] != "completed" for row in group)
        label = f"bn:{b}" if b else norm
        print(
            f"{m:>6} {label:>8} {updates:>8} {format_rate(base_lr):>10} {base_lr * m:>8.3g} {len(group):>5} "
            f"{failed:>6} {validation:>10.2%} {test:>7.2%}",
            file=file,
        )
    validation, test = (
        next((row[key] for row in rows if row.get(key) is not None), None)
        for key in ("val_accuracy_guess", "test_accuracy_guess")
    )
    if validation is not None:
        print(f"{'the most frequent class alone':>51} {validation:>10.2%} {test:>7.2%}", file=file)
