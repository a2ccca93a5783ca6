"""The input and output of planning: digests of the source and plan files."""

import os
from collections.abc import Mapping
from pathlib import Path

from smallbatch.core.atomic import write_atomically
from smallbatch.core.errors import UserError
from smallbatch.core.identity import canonical, digest, fleet_slug
from smallbatch.core.records import StudyConfig
from smallbatch.core.source import code_digest, data_digest
from smallbatch.core.targets import targets_of
from smallbatch.planning.grid import expand
from smallbatch.planning.plan import Plan, make_plan
from smallbatch.planning.targets import check_targets
from smallbatch.resources.memory_numbers import footprints
from smallbatch.storage import store

OF_FILES = {
    "smallbatch.data.mnist.load",
    "smallbatch.data.cifar.load_10",
    "smallbatch.data.cifar.load_100",
}


def plan_study(config: StudyConfig, folder: str | None = None, trace: bool = True) -> Plan:
    """Plan a composed study, with the digests of the code that it depends on; raises UserError for
    an invalid one.

    Without `trace` no network is constructed to predict memory, so none of the user's code runs.
    """
    check_targets(config, folder)
    code = code_digest(targets_of(config["model"], config["dataset"]), folder)
    data_code = data_digest(config["dataset"]["_target_"], folder)
    dataset = config["dataset"]["_target_"]
    if dataset in OF_FILES and not config["dataset"].get("download"):
        raise UserError(
            f"dataset.download: missing; {dataset} reads files: write their url and checksums"
        )
    mirror = config["dataset"].get("mirror")
    if mirror and not Path(mirror).is_dir():
        raise UserError(f"dataset.mirror={mirror}: there is no such folder")
    try:
        settings = {(row["norm"], row["bn_batch_size"]) for row in expand(config)}
        numbers = footprints(config, settings, code, folder, trace)
        return make_plan(config, code, data_code, folder, numbers)
    except ValueError as error:
        raise UserError(f"study {config['study']}: {error}") from error


def study_file(plan: Plan, results: Path) -> Path:
    return results / "plan" / f"{plan.study['study']}-{digest(plan.study)}.study.json"


def write_plan(plan: Plan, results: Path) -> Path:
    """Write the missing files of a plan; returns the path of the study's file.

    File names end in the digest of the content: the training that a file describes never changes,
    and plans of other studies or overrides coexist. If the tables in ``results/<study>/`` were made
    from another plan, the study's file is touched, so that Snakemake collects again; modification
    times of copied or old files do not matter.
    """
    folder = results / "plan"
    folder.mkdir(parents=True, exist_ok=True)
    path = study_file(plan, results)
    for name, job in plan.jobs.items():
        # The requested resources may have changed.
        _write_once(folder / f"{name}.json", job, changed=True)
    for name, data in plan.data.items():
        # The conf folder may have moved.
        _write_once(folder / f"{name}.data.json", data, changed=True)
    _write_once(path, plan.study)
    made_from = results / plan.study["study"] / "study.json"
    if made_from.is_file() and made_from.read_bytes() != path.read_bytes():
        os.utime(path)
    return path


def _write_once(path: Path, content: Mapping[str, object], changed: bool = False) -> None:
    """Write a file if it does not exist or, with `changed`, if its content differs."""
    if not path.exists() or (changed and path.read_bytes() != canonical(content) + b"\n"):
        with write_atomically(path, sync=False) as temporary:  # a lost plan can be rebuilt
            temporary.write_bytes(canonical(content) + b"\n")


def other_codes(plan: Plan, results: Path) -> dict[str, int]:
    """Other code digests under which points of the plan's fleets are stored.

    ``{code digest: number of fleets}``; only fleets without points under the plan's code or an
    accepted one count.
    """
    found: dict[str, set] = {}
    for job in plan.jobs.values():
        for entry in job["fleets"]:
            codes = store.codes_of(results / "store", entry["fleet"])
            if not set(codes) & {job["code"], *job["accept_code"]}:
                for code in codes:
                    found.setdefault(code, set()).add(fleet_slug(entry["fleet"]))
    return {code: len(fleets) for code, fleets in found.items()}
