# The settings, the plans of the studies asked for, and paths. Rules are in the other files.
import functools
import json
import os
import sys
from pathlib import Path

import psutil

# The checkout that this file is in. The working directory may be another folder; results go there.
CHECKOUT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1].resolve()
SRC = str(CHECKOUT / "src")
IS_MODULE = Path(workflow.basedir).resolve() != CHECKOUT / "workflow"
if not os.path.isdir(SRC):
    sys.exit(
        "error: smallbatch is not usable from a remote Snakefile; clone it, and name workflow/Snakefile of the clone"
    )
if workflow.modifier.path_modifier.replace_prefix("results/") != "results/":
    sys.exit("error: a module's prefix and replace_prefix are not supported; smallbatch writes to results/")
sys.path.insert(0, SRC)

from smallbatch.core.errors import stop_snakemake
from smallbatch.workflow.stale_locks import clear_dead_locks, incomplete_folders
from smallbatch.workflow.compiling import Compiling
from smallbatch.figures.names import FIGURES, tables_of
from smallbatch.core.import_graph import source_files
from smallbatch.report.captions import CAPTIONS
from smallbatch.workflow.settings import is_dry_run, read_settings
from smallbatch.workflow.snakefile import jobs_find, plan_from_settings, print_cost

with stop_snakemake():
    jobs_find(SRC)

STARTED = psutil.Process().create_time()
TABLES_OF_FIGURES = sorted({table for figure in FIGURES for table in tables_of(figure)})


wildcard_constraints:
    study=r"[\w-]+",
    job=r"[\w-]+",
    data=r"[\w-]+",


with stop_snakemake():
    SETTINGS = read_settings(config, IS_MODULE)
STUDIES = SETTINGS.studies


@functools.cache
def plan_of(study):
    """The plan's file and content. Only the main process plans: a job on a cluster has its file already."""
    with stop_snakemake():
        return plan_from_settings(study, SETTINGS, trace=not is_dry_run(sys.argv[1:]))


TRACKED, INCOMPLETE = False, set()
if workflow.is_main_process:
    with stop_snakemake():
        # Held as long as this process lives. The locks of an outer workflow are its own matter.
        RUNNING = None if IS_MODULE else clear_dead_locks(Path(".snakemake"))
        INCOMPLETE = incomplete_folders(Path(".snakemake"))
    COMPILING = Compiling()
    PLANS = [plan_of(study)[1] for study in STUDIES]  # each one, so that a mistake in any ends here
    TRACKED = any(plan["config"]["tracking"]["name"] != "none" for plan in PLANS)


def of_any_age(path):
    """A file that stands in a folder named by the digest of its content, so its age says nothing.

    Snakemake leaves out all that hangs on an ancient file which is there but incomplete (its job was killed).
    """
    return path if os.path.dirname(path) in INCOMPLETE else ancient(path)


def study_file(wildcards):
    return plan_of(wildcards.study)[0]


def job_tables(wildcards):
    """The jobs' summaries; with partial=true those that exist."""
    paths = [f"results/jobs/{job}/summary.parquet" for job in plan_of(wildcards.study)[1]["jobs"]]
    return [of_any_age(path) for path in paths if not SETTINGS.partial or os.path.exists(path)]


def plan_of_job(wildcards):
    """A job's plan file: all that a job needs to know, so that a node of a cluster plans nothing."""
    with open(f"results/plan/{wildcards.job}.json", encoding="utf-8") as file:
        return json.load(file)


# More than the seconds of any job: calibrating at the end would keep one core and leave the others idle.
BEFORE_TRAINING = 1_000_000


def job_priority(wildcards):
    """The longest job first, so that no core waits for it at the end."""
    return plan_of_job(wildcards)["resources"]["seconds"]


def data_of_job(wildcards):
    return of_any_age(f"results/data/{plan_of_job(wildcards)['data']}/about.json")


def data_of_study(wildcards):
    return of_any_age(f"results/data/{plan_of(wildcards.study)[1]['data']}/about.json")


def downloaded_files(wildcards):
    """The list of its files, for a data set that is not at hand."""
    with open(f"results/plan/{wildcards.data}.data.json", encoding="utf-8") as file:
        return f"results/downloads/{wildcards.data}.json" if json.load(file)["dataset"].get("download") else []


def tracked_runs(wildcards):
    """The runs that the page links to, where the study is tracked."""
    tracked = plan_of(wildcards.study)[1]["config"]["tracking"]["name"] != "none"
    return [f"results/{wildcards.study}/mlflow.csv"] if tracked else []


def title_of_figure(wildcards):
    """What Snakemake's own report lists a figure by."""
    return {"figure": CAPTIONS[wildcards.figure][0]}


def source(*modules):
    """The files of the modules that a command runs, as inputs, so that editing them re-runs what they make."""
    return [os.path.relpath(path) for path in source_files(*modules)]
