"""Study -> points -> fleets -> jobs. Pure functions of a composed config; no torch.

A *point* is one training run. A *fleet* is a set of points that share all settings except η̃ and
seed and train together. A *job* is one Snakemake job: a fleet, a part of a long fleet, or several
short fleets in one process.
"""

from dataclasses import dataclass

from smallbatch.core.identity import count, digest, fleet_slug
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
    Setting,
    StudyConfig,
    StudyPlan,
)
from smallbatch.planning.grid import budget_name, check_arms, expand, without_null
from smallbatch.planning.packing import job_slug, pack, resources

# Keys of a data set for the sources and checksums of its files.
SOURCE_KEYS = (
    "mirror",
    "download",
    "sha256",
)


@dataclass(frozen=True)
class Plan:
    study: StudyPlan  # the plan for tables, figures and report, with the names of the jobs
    # By name, which ends in the digest of the content without resources.
    jobs: dict[str, Job]
    data: dict[str, DataPlan]  # the data set to prepare, by name, which ends in a digest


def make_plan(
    config: StudyConfig,
    code: str,
    data_code: str,
    folder: str | None = None,
    networks: Networks | None = None,
) -> Plan:
    """Plan a composed and validated study; raises ValueError, naming the key, for an invalid grid.

    `code` and `data_code` are digests of the source that trains and that loads the data
    (`core/source.py`). `networks` maps (norm, BN batch size) to the numbers for the prediction of
    memory (`resources/memory_model.py`).
    """
    dataset: DataPlan = {
        "dataset": without_null(config["dataset"]),
        "code": data_code,
        "folder": folder,
    }
    # The expected checksum is part of the identity.
    declared = {key: dataset["dataset"][key] for key in ("sha256",) if key in dataset["dataset"]}
    content = {"dataset": _content(config) | declared, "code": data_code, "folder": None}
    data_id = f"{config['dataset']['name']}-{digest(content)}"
    check_arms(config)
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
        name = f"{job_slug(config, pieces)}-{digest(job)}"  # without resources
        settings = [
            (piece["fleet"]["norm"], piece["fleet"].get("bn_batch_size")) for piece in pieces
        ]
        numbers = [(networks or {}).get(setting) for setting in settings]
        jobs[name] = {**job, "resources": resources(job, config["training"], numbers)}
    study: StudyPlan = {
        "study": config["study"],
        "overrides": config["overrides"],
        "given": config["given"],
        "title": config["title"],
        "description": config["description"],
        "config": {
            key: value
            for key, value in config.items()
            if key not in ("study", "overrides", "given")
        },
        "folder": folder,
        "code": code,
        "data": data_id,
        "budgets": budgets(config, rows),
        "claims": claims(config),
        "papers": papers(config, networks or {}),
        "points": sum(count(entry["points"]) for entry in fleets),
        "fleets": len(fleets),
        "jobs": sorted(jobs),
    }
    return Plan(study, jobs, {data_id: dataset})


def budgets(config: StudyConfig, rows: list[GridRow]) -> list[BudgetSettings]:
    """The settings of each budget: ``{budget, settings: [{batch_size, norm, bn_batch_size,
    schedule, updates, fleet}]}``.

    A setting can belong to several budgets: with the same number of updates it has the same points.
    `fleet` is the slug of the fleet that contains its points.
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
    """The study's claims with their names, and with defaults filled in for budget, delta and
    margin."""
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
    """The statement with the claim's numbers in place of ``{limit}`` and ``{up_to}``."""
    text = claim["statement"]
    for key in ("limit", "up_to"):
        text = text.replace(f"{{{key}}}", str(claim[key]))
    return text


def papers(config: StudyConfig, networks: Networks) -> list[dict]:
    """The study's papers, with budgets and the network's number of parameters filled in, and
    reported values as lists (to keep their order, since keys of a plan are sorted)."""
    parameters = _parameters(networks)
    return [
        paper
        | {
            "reported": [
                one | {"budget": _budget_of(config, one)} for one in paper["reported"].values()
            ],
            "differences": [
                text.replace("{parameters}", parameters) for text in paper["differences"]
            ],
        }
        for paper in config["papers"].values()
    ]


def _parameters(networks: Networks) -> str:
    """The number of parameters without norm, from the bytes of the network's weights."""
    network = networks.get(("none", None))
    return f"{round(network['separate']['weights'] / 4):,}" if network else "an unknown number of"


def _budget_of(config: StudyConfig, entry: dict) -> str:
    grid = config["grid"]["budget"]
    return budget_name(entry["budget"] or grid, grid, config["dataset"]["sizes"]["train"])


def _fleets(config: StudyConfig, rows: list[GridRow]) -> list[JobFleet]:
    """``{fleet, points, budget, schedule}`` for each fleet; points are blocks ``{base_lr, seeds}``
    without duplicates.

    Budget and schedule are the names in the fleet's first row.
    """
    found: dict[str, JobFleet] = {}
    rates: dict[str, set[float]] = {}
    for row in rows:
        fleet = fleet_of(config, row)
        slug = fleet_slug(fleet)
        entry: JobFleet = {
            "fleet": fleet,
            "points": [],
            "budget": row["budget"],
            "schedule": row["schedule"],
        }
        found.setdefault(slug, entry)
        rates.setdefault(slug, set()).update(row["base_lr"])
    seeds = list(range(config["grid"]["seeds"]))
    for slug, entry in found.items():
        entry["points"] = [{"base_lr": sorted(rates[slug]), "seeds": seeds}]
    return sorted(found.values(), key=_fleet_order)


def _fleet_order(entry: JobFleet) -> tuple:
    fleet = entry["fleet"]
    return (
        fleet["batch_size"],
        fleet["norm"],
        fleet.get("bn_batch_size") or 0,
        fleet["updates"],
        fleet_slug(fleet),
    )


def _tracking(config: StudyConfig) -> dict | None:
    """The tracking settings of a job with the study's name, the experiment; None if tracking is
    off."""
    if config["tracking"]["name"] == "none":
        return None
    return config["tracking"] | {"study": config["study"]}


def fleet_of(config: StudyConfig, row: GridRow) -> Fleet:
    """The shared settings of the points in a row of `expand`: everything that their results depend
    on, except η̃, seed and code."""
    optimizer = config["optimizer"] | {"momentum": row["momentum"]}
    if not row["momentum"]:
        optimizer["nesterov"] = None
    evaluation = {key: value for key, value in config["evaluation"].items() if key != "target"}
    return without_null(
        {
            "dataset": _content(config),
            "model": config["model"],
            "optimizer": optimizer,
            "augmentation": config["augmentation"],
            "schedule": row["course"],
            "evaluation": evaluation,
            "precision": config["precision"],
            **{
                key: row[key]
                for key in ("batch_size", "norm", "bn_batch_size", "updates", "examples")
            },
        }
    )


def _content(config: StudyConfig) -> dict:
    """The identity of a data set, independent of the source of its files."""
    dataset = without_null(config["dataset"])
    # A folder of images is identified by its content.
    source = (*SOURCE_KEYS, "folder") if "content" in dataset else SOURCE_KEYS
    return {key: value for key, value in dataset.items() if key not in source}
