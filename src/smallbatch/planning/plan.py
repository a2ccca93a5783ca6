"""Study -> points -> fleets -> jobs. Pure functions of a composed config; no torch.

A *point* is one training run. A *fleet* is points that share all but η̃ and seed; they train together.
A *job* is one Snakemake job: a fleet, part of a long one, or several short ones in one process.
"""

import itertools
from dataclasses import dataclass
from typing import Any

from smallbatch.core.identity import count, digest, fleet_slug
from smallbatch.core.rates import parse_rates
from smallbatch.core.records import (
    BudgetSettings,
    DataPlan,
    Fleet,
    GridRow,
    Job,
    JobContent,
    JobFleet,
    Networks,
    PlannedClaim,
    ScheduleSettings,
    Setting,
    StudyConfig,
    StudyPlan,
)
from smallbatch.measures.registry import asked_for
from smallbatch.planning.packing import job_slug, pack, resources
from smallbatch.schedules.budget import updates_in
from smallbatch.schedules.course import ADAPTIVE, largest_batch, updates_planned

EXPONENTS = {"linear": 1.0, "sqrt": 0.5, "constant": 0.0}  # p of η ∝ m^p
WHENCE = ("mirror", "download", "sha256")  # keys of a data set that say where its files come from, and check them


@dataclass(frozen=True)
class Plan:
    study: StudyPlan  # what the tables, figures and page need to know, with the names of the jobs
    jobs: dict[str, Job]  # by name, which ends in the digest of the content but for what it asks a scheduler for
    data: dict[str, DataPlan]  # likewise: the data set to prepare


def make_plan(
    config: StudyConfig, code: str, data_code: str, folder: str | None = None, networks: Networks | None = None
) -> Plan:
    """The plan of a composed, checked study; raises ValueError, naming the key, for an impossible grid.

    `code` and `data_code` are digests of the source (`core/source.py`) that trains and that loads the data;
    `networks` gives for (norm, BN batch size) the numbers from which memory is predicted (`resources/memory_model.py`).
    """
    dataset: DataPlan = {"dataset": _without_null(config["dataset"]), "code": data_code, "folder": folder}
    declared = {key: dataset["dataset"][key] for key in ("sha256",) if key in dataset["dataset"]}  # to be verified
    content = {"dataset": _content(config) | declared, "code": data_code, "folder": None}
    data_id = f"{config['dataset']['name']}-{digest(content)}"
    rows = expand(config)
    fleets = _fleets(config, rows)
    jobs: dict[str, Job] = {}
    for pieces in pack(fleets, config["training"]):
        job: JobContent = {
            "code": code,
            "accept_code": config["accept_code"],
            "folder": folder,
            "data": data_id,
            "tracking": _tracking(config),
            "checkpoint_seconds": config["training"]["checkpoint_seconds"],
            "device": config["training"]["device"],
            "fleets": pieces,
        }
        name = f"{job_slug(config, pieces)}-{digest(job)}"  # what it asks for isn't what it is
        settings = [(piece["fleet"]["norm"], piece["fleet"].get("bn_batch_size")) for piece in pieces]
        numbers = [(networks or {}).get(setting) for setting in settings]
        jobs[name] = {**job, "resources": resources(job, config["training"], numbers)}
    study: StudyPlan = {
        "study": config["study"],
        "overrides": config["overrides"],
        "given": config["given"],
        "title": config["title"],
        "description": config["description"],
        "config": {key: value for key, value in config.items() if key not in ("study", "overrides", "given")},
        "folder": folder,
        "code": code,
        "data": data_id,
        "budgets": budgets(config, rows),
        "claims": claims(config),
        "papers": papers(config),
        "points": sum(count(entry["points"]) for entry in fleets),
        "fleets": len(fleets),
        "jobs": sorted(jobs),
    }
    return Plan(study, jobs, {data_id: dataset})


def expand(config: StudyConfig) -> list[GridRow]:
    """The grid's own product and its arms as rows ``{path, budget, schedule, course, momentum, batch_size, norm, ...}``.

    `path` is the key that a row comes from, `schedule` a name, `course` what it stands for. An arm keeps the batch sizes and kinds of norm that the grid has,
    so that a narrowed grid narrows it.
    """
    grid = config["grid"]
    kinds = {_norm_kind(norm) for norm in grid["norm"]}
    rows = _product(config, "grid", grid, grid["batch_size"], grid["norm"])
    for name, arm in grid["arms"].items():
        sizes = [m for m in arm["batch_size"] or grid["batch_size"] if m in grid["batch_size"]]
        norms = [norm for norm in arm["norm"] or grid["norm"] if _norm_kind(norm) in kinds]
        rows += _product(config, f"grid.arms.{name}", arm, sizes, norms)
    return rows


def schedules(config: StudyConfig, arm: dict) -> dict[str, ScheduleSettings]:
    """The schedules of the grid or an arm by name."""
    wanted = arm["schedule"] if arm["schedule"] is not None else config["grid"]["schedule"]
    if wanted is None:
        return {config["schedule"]["name"]: _without_null(config["schedule"])}
    return {name: _without_null(config["schedules"][name]) for name in wanted}


def _product(config: StudyConfig, path: str, arm: dict, sizes: list[int], norms: list[str]) -> list[GridRow]:
    grid, train_size = config["grid"], config["dataset"]["sizes"]["train"]
    rows: list[GridRow] = []
    for m, norm, (name, schedule) in itertools.product(sizes, norms, schedules(config, arm).items()):
        if m > train_size:
            raise ValueError(
                f"{path}.batch_size: {m} is more than the {train_size:,} training images; choose smaller ones"
            )
        kind = _norm_kind(norm)
        b = int(norm.partition(":")[2] or m) if kind == "bn" else None
        if b and m % b:
            raise ValueError(
                f"{path}.norm: bn:{b} does not divide batch size {m}; "
                f"choose a BN batch size that divides every m, or give {norm} an arm with the m that it divides"
            )
        _check_course(path, name, schedule, m, kind, b, train_size)
        for measure in asked_for(config["evaluation"]):
            measure.check_point(config["evaluation"][measure.key], b or 1, train_size)
        budget = arm["budget"] or grid["budget"]
        try:
            updates, examples = _updates(budget, grid["budget"], schedule, m, b, train_size)
        except ValueError as error:
            raise ValueError(f"{path}.budget: {error}") from None
        rows.append(
            {
                "path": path,
                "budget": _budget_name(budget, grid["budget"], train_size),
                "schedule": name,
                "course": {key: value for key, value in schedule.items() if key != "momentum"},
                "momentum": schedule.get("momentum", config["optimizer"]["momentum"]),
                "batch_size": m,
                "norm": kind,
                "bn_batch_size": b,
                "updates": updates,
                "examples": examples,
                "base_lr": _rates(path, grid, arm, m, kind),
                "seeds": grid["seeds"],
            }
        )
    return rows


def _check_course(
    path: str, name: str, schedule: ScheduleSettings, m: int, kind: str, b: int | None, train_size: int
) -> None:
    """What depends on schedule, batch size and norm together."""
    rule = schedule["name"]
    said = rule if rule == name else f"schedule {name} ({rule})"
    if rule in ADAPTIVE and kind == "bn":
        raise ValueError(
            f"{path}.norm: {said} needs the gradient of each example alone, and batch norm has none; write none or gn"
        )
    if rule in ADAPTIVE and m < 2:
        raise ValueError(f"{path}.batch_size: {said} needs blocks of 2 examples or more for a variance, not {m}")
    largest = largest_batch(schedule, b or 1, train_size)
    if (rule in ADAPTIVE or rule == "increase-batch") and m > largest:
        raise ValueError(
            f"{path}.batch_size: {m} is above the largest batch that {said} may reach, {largest} "
            f"({schedule.get('cap', 1)} of {train_size:,} images); choose a smaller m or a larger cap"
        )
    if rule == "increase-batch" and m == largest:
        raise ValueError(
            f"{path}.batch_size: {m} is the largest batch that {said} may reach, so it would never grow; "
            "choose a smaller m or a larger cap"
        )


def _norm_kind(norm: str) -> str:
    return norm.partition(":")[0]


def _updates(
    budget: str, grid_budget: str, schedule: ScheduleSettings, m: int, b: int | None, size: int
) -> tuple[int, int | None]:
    if budget.startswith("updates_of:"):
        if grid_budget.startswith("updates_of:"):
            raise ValueError("grid.budget cannot be updates_of; write epochs:E, updates:U or examples:X")
        budget = _budget_name(budget, grid_budget, size)
    return updates_planned(schedule, budget, m, b or 1, size)


def _budget_name(budget: str, grid_budget: str, train_size: int) -> str:
    if budget.startswith("updates_of:"):
        return f"updates:{updates_in(grid_budget, int(budget.partition(':')[2]), train_size)}"
    return budget


def _rates(path: str, grid: dict, arm: dict, m: int, kind: str) -> list[float]:
    """The η̃ of one batch size and norm: the arm's before the grid's, the more specific first, scaled to m."""
    scaling = arm["scaling"] or grid["scaling"] or "linear"
    scale = (m / (grid["scaling_reference"] or 1)) ** (EXPONENTS[scaling] - 1)
    for owner, where in ((arm, path), (grid, "grid")):
        for key in (f"m{m}_{kind}", f"m{m}"):
            if key in owner["base_lr_at"]:
                return sorted(parse_rates(owner["base_lr_at"][key], f"{where}.base_lr_at.{key}"))
        if owner["base_lr"]:
            return sorted(rate * scale for rate in parse_rates(owner["base_lr"], f"{where}.base_lr"))
    raise ValueError(f"{path}.base_lr: no rate for batch size {m}; write grid.base_lr, for example [2**-10..2**-4]")


def budgets(config: StudyConfig, rows: list[GridRow]) -> list[BudgetSettings]:
    """For each budget the settings in it: ``{budget, settings: [{batch_size, norm, bn_batch_size, schedule, updates, fleet}]}``.

    A setting can stand in several budgets: with as many updates it is the same points. `fleet` is the slug by which
    its points are found.
    """
    found: dict[str, list[Setting]] = {}
    for row in rows:
        setting: Setting = {
            "batch_size": row["batch_size"],
            "norm": row["norm"],
            "bn_batch_size": row["bn_batch_size"],
            "schedule": row["schedule"],
            "updates": row["updates"],
            "fleet": fleet_slug(fleet_of(config, row)),
        }
        if setting not in found.setdefault(row["budget"], []):
            found[row["budget"]].append(setting)
    return [{"budget": budget, "settings": settings} for budget, settings in found.items()]


def claims(config: StudyConfig) -> list[PlannedClaim]:
    """The study's claims with their names, and budget, δ and margin filled in."""
    wanted = config["claims"]
    return [
        claim
        | {
            "claim": name,
            "statement": _filled_in(claim),
            "budget": _budget_of(config, claim),
            "delta": claim["delta"] or wanted["delta"],
            "margin": claim["margin"] or wanted["margin"],
        }
        for name, claim in wanted["tests"].items()
    ]


def _filled_in(claim: dict) -> str:
    """The statement, with the claim's own numbers where it names them: ``m ≤ {limit}``."""
    text = claim["statement"]
    for key in ("limit", "up_to"):
        text = text.replace(f"{{{key}}}", str(claim[key]))
    return text


def papers(config: StudyConfig) -> list[dict]:
    """The study's papers, what they reported as lists (a plan's keys are sorted), with the budgets filled in."""
    return [
        paper | {"reported": [one | {"budget": _budget_of(config, one)} for one in paper["reported"].values()]}
        for paper in config["papers"].values()
    ]


def _budget_of(config: StudyConfig, entry: dict) -> str:
    grid = config["grid"]["budget"]
    return _budget_name(entry["budget"] or grid, grid, config["dataset"]["sizes"]["train"])


def _fleets(config: StudyConfig, rows: list[GridRow]) -> list[JobFleet]:
    """``{fleet, points, budget, schedule}`` for each fleet; points are blocks ``{base_lr, seeds}``, no point twice.

    Budget and schedule are the names of the first row that it stands in.
    """
    found: dict[str, JobFleet] = {}
    rates: dict[str, set[float]] = {}
    for row in rows:
        fleet = fleet_of(config, row)
        slug = fleet_slug(fleet)
        entry: JobFleet = {"fleet": fleet, "points": [], "budget": row["budget"], "schedule": row["schedule"]}
        found.setdefault(slug, entry)
        rates.setdefault(slug, set()).update(row["base_lr"])
    seeds = list(range(config["grid"]["seeds"]))
    for slug, entry in found.items():
        entry["points"] = [{"base_lr": sorted(rates[slug]), "seeds": seeds}]
    return sorted(found.values(), key=_fleet_order)


def _fleet_order(entry: JobFleet) -> tuple:
    fleet = entry["fleet"]
    return fleet["batch_size"], fleet["norm"], fleet.get("bn_batch_size") or 0, fleet["updates"], fleet_slug(fleet)


def _tracking(config: StudyConfig) -> dict | None:
    """Where a job logs its points: the study's experiment."""
    if config["tracking"]["name"] == "none":
        return None
    return config["tracking"] | {"study": config["study"]}


def fleet_of(config: StudyConfig, row: GridRow) -> Fleet:
    """What the points of a row of `expand` share: all that their results depend on but η̃, seed and code."""
    optimizer = config["optimizer"] | {"momentum": row["momentum"]}
    if not row["momentum"]:
        optimizer["nesterov"] = None
    evaluation = {key: value for key, value in config["evaluation"].items() if key != "target"}
    return _without_null(
        {
            "dataset": _content(config),
            "model": config["model"],
            "optimizer": optimizer,
            "augmentation": config["augmentation"],
            "schedule": row["course"],
            "evaluation": evaluation,
            "precision": config["precision"],
            **{key: row[key] for key in ("batch_size", "norm", "bn_batch_size", "updates", "examples")},
        }
    )


def _content(config: StudyConfig) -> dict:
    """What a data set is, wherever its files come from."""
    dataset = _without_null(config["dataset"])
    whence = (*WHENCE, "folder") if "content" in dataset else WHENCE  # a folder of images is known by its content
    return {key: value for key, value in dataset.items() if key not in whence}


def _without_null(value: Any) -> Any:
    """The value without keys that are null: a new option whose default is null changes no digest."""
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return value
