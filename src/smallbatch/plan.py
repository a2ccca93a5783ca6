"""Study -> points -> fleets -> jobs. Pure functions of a composed config; no torch.

A *point* is one training run. A *fleet* is points that share all but η̃ and seed; they train together.
A *job* is one Snakemake job: a fleet, part of a long one, or several short ones in one process.
"""

import itertools
from dataclasses import dataclass

from smallbatch.pack import job_slug, pack, resources
from smallbatch.points import count, digest
from smallbatch.rates import parse_rates
from smallbatch.schedules.budget import updates_in

WHENCE = ("mirror", "download", "sha256")  # keys of a data set that say where its files come from, and check them


@dataclass(frozen=True)
class Plan:
    study: dict  # what the tables, figures and page need to know, with the names of the jobs
    jobs: dict[str, dict]  # by name, which ends in the digest of the content but for what it asks a scheduler for
    data: dict[str, dict]  # likewise: the data set to prepare


def make_plan(config: dict, code: str, data_code: str, folder: str | None = None, networks: dict | None = None) -> Plan:
    """The plan of a composed, checked study; raises ValueError, naming the key, for an impossible grid.

    `code` and `data_code` are digests of the source (`source.py`) that trains and that loads the data;
    `networks` gives for (norm, BN batch size) the numbers from which memory is predicted (`footprint.py`).
    """
    dataset = {"dataset": _without_null(config["dataset"]), "code": data_code, "folder": folder}
    declared = {key: dataset["dataset"][key] for key in ("sha256",) if key in dataset["dataset"]}  # to be verified
    content = {"dataset": _content(config) | declared, "code": data_code, "folder": None}
    data_id = f"{config['dataset']['name']}-{digest(content)}"
    arms = expand(config["grid"], config["dataset"]["sizes"]["train"])
    fleets = [
        {
            "fleet": fleet(config, m, norm, b, updates),
            "points": blocks,
            "budget": _first_budget(arms, m, norm, b, updates),
        }
        for (m, norm, b, updates), blocks in _by_fleet(arms).items()
    ]
    jobs = {}
    for pieces in pack(fleets, config["training"]):
        job = {
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
        jobs[name] = job | {"resources": resources(job, config["training"], numbers)}
    study = {key: config[key] for key in ("study", "overrides", "given", "title", "description")} | {
        "config": {key: value for key, value in config.items() if key not in ("study", "overrides", "given")},
        "folder": folder,
        "code": code,
        "data": data_id,
        "budgets": budgets(arms),
        "points": sum(count(entry["points"]) for entry in fleets),
        "fleets": len(fleets),
        "jobs": sorted(jobs),
    }
    return Plan(study, jobs, {data_id: dataset})


def expand(grid: dict, train_size: int) -> list[dict]:
    """The grid's own product and its arms as ``{budget, batch_size, norm, bn_batch_size, updates, base_lr, seeds}``.

    An arm keeps the batch sizes and kinds of norm that the grid has, so that a narrowed grid narrows it.
    """
    kinds = {_norm_kind(norm) for norm in grid["norm"]}
    rows = _product("grid", grid, grid, grid["batch_size"], grid["norm"], train_size)
    for name, arm in grid["arms"].items():
        sizes = [m for m in arm["batch_size"] or grid["batch_size"] if m in grid["batch_size"]]
        norms = [norm for norm in arm["norm"] or grid["norm"] if _norm_kind(norm) in kinds]
        rows += _product(f"grid.arms.{name}", grid, arm, sizes, norms, train_size)
    return rows


def _product(path: str, grid: dict, arm: dict, sizes: list[int], norms: list[str], train_size: int) -> list[dict]:
    rows = []
    for m, norm in itertools.product(sizes, norms):
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
        try:
            updates = _updates(arm["budget"] or grid["budget"], grid["budget"], m, train_size)
        except ValueError as error:
            raise ValueError(f"{path}.budget: {error}") from None
        rows.append(
            {
                "budget": _budget_name(arm["budget"] or grid["budget"], grid["budget"], train_size),
                "batch_size": m,
                "norm": kind,
                "bn_batch_size": b,
                "updates": updates,
                "base_lr": _rates(path, grid, arm, m, kind),
                "seeds": grid["seeds"],
            }
        )
    return rows


def _norm_kind(norm: str) -> str:
    return norm.partition(":")[0]


def _updates(budget: str, grid_budget: str, m: int, train_size: int) -> int:
    if budget.startswith("updates_of:"):
        if grid_budget.startswith("updates_of:"):
            raise ValueError("grid.budget cannot be updates_of; write epochs:E, updates:U or examples:X")
        return updates_in(grid_budget, int(budget.partition(":")[2]), train_size)
    return updates_in(budget, m, train_size)


def _budget_name(budget: str, grid_budget: str, train_size: int) -> str:
    if budget.startswith("updates_of:"):
        return f"updates:{_updates(budget, grid_budget, 1, train_size)}"
    return budget


def _rates(path: str, grid: dict, arm: dict, m: int, kind: str) -> list[float]:
    """The η̃ of one batch size and norm: the arm's before the grid's, the more specific first."""
    for owner, where in ((arm, path), (grid, "grid")):
        for key in (f"m{m}_{kind}", f"m{m}"):
            if key in owner["base_lr_at"]:
                return sorted(parse_rates(owner["base_lr_at"][key], f"{where}.base_lr_at.{key}"))
        if owner["base_lr"]:
            return sorted(parse_rates(owner["base_lr"], f"{where}.base_lr"))
    raise ValueError(f"{path}.base_lr: no rate for batch size {m}; write grid.base_lr, for example [2**-10..2**-4]")


def budgets(arms: list[dict]) -> list[dict]:
    """For each budget the settings that stand in it: ``{budget, settings: [{batch_size, norm, bn_batch_size, updates}]}``.

    A setting can stand in several budgets: with as many updates it is the same points.
    """
    found: dict[str, list] = {}
    for row in arms:
        setting = {key: row[key] for key in ("batch_size", "norm", "bn_batch_size", "updates")}
        if setting not in found.setdefault(row["budget"], []):
            found[row["budget"]].append(setting)
    return [{"budget": budget, "settings": settings} for budget, settings in found.items()]


def _first_budget(arms: list[dict], *setting) -> str:
    keys = ("batch_size", "norm", "bn_batch_size", "updates")
    return next(row["budget"] for row in arms if tuple(row[key] for key in keys) == setting)


def _by_fleet(arms: list[dict]) -> dict:
    """Fleet key -> its points as blocks ``{base_lr, seeds}``, each a product; no point twice."""
    found: dict[tuple, set] = {}
    for row in arms:
        key = (row["batch_size"], row["norm"], row["bn_batch_size"], row["updates"])
        found.setdefault(key, set()).update(row["base_lr"])
    seeds = arms[0]["seeds"] if arms else 0
    return {
        key: [{"base_lr": sorted(found[key]), "seeds": list(range(seeds))}] for key in sorted(found, key=_fleet_order)
    }


def _fleet_order(key: tuple) -> tuple:
    m, norm, b, updates = key
    return m, norm, b or 0, updates


def _tracking(config: dict) -> dict | None:
    """Where a job logs its points: the study's experiment."""
    if config["tracking"]["name"] == "none":
        return None
    return config["tracking"] | {"study": config["study"]}


def fleet(config: dict, m: int, norm: str, b: int | None, updates: int) -> dict:
    """What the points of a fleet share: all that their results depend on but η̃, seed and code."""
    return _without_null(
        {
            "dataset": _content(config),
            "model": config["model"],
            "optimizer": config["optimizer"],
            "augmentation": config["augmentation"],
            "schedule": config["schedule"],
            "evaluation": config["evaluation"],
            "precision": config["precision"],
            "batch_size": m,
            "norm": norm,
            "bn_batch_size": b,
            "updates": updates,
        }
    )


def _content(config: dict) -> dict:
    """What a data set is, wherever its files come from."""
    dataset = _without_null(config["dataset"])
    whence = (*WHENCE, "folder") if "content" in dataset else WHENCE  # a folder of images is known by its content
    return {key: value for key, value in dataset.items() if key not in whence}


def _without_null(value):
    """The value without keys that are null: a new option whose default is null changes no digest."""
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return value
