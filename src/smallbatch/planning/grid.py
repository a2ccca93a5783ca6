"""Expand a study's grid and arms to rows: the settings to train and their rates. Pure functions."""

import itertools
from typing import Any, cast

from smallbatch.core.rates import parse_rates
from smallbatch.core.records import (
    GridRow,
    ScheduleSettings,
    StudyConfig,
)
from smallbatch.measures.registry import asked_for
from smallbatch.schedules.budget import updates_in
from smallbatch.schedules.course import ADAPTIVE, largest_batch, updates_planned

EXPONENTS = {"linear": 1.0, "sqrt": 0.5, "constant": 0.0}  # p of η ∝ m^p


def expand(config: StudyConfig) -> list[GridRow]:
    """Expand the grid and its arms to rows ``{path, budget, schedule, course, momentum, batch_size,
    norm, ...}``.

    `path` is the key that defines the row, `schedule` the name of the schedule and `course` its
    settings. An arm is restricted to the batch sizes and kinds of norm in the grid, so that
    narrowing the grid also narrows its arms. A setting that meets another budget of the study (m =
    16 for 10 epochs of 1,024 examples has 640 updates) has a row there as well.
    """
    grid = config["grid"]
    kinds = {_norm_kind(norm) for norm in grid["norm"]}
    rows = _product(config, "grid", grid, grid["batch_size"], grid["norm"])
    for name, arm in grid["arms"].items():
        sizes = [m for m in arm["batch_size"] or grid["batch_size"] if m in grid["batch_size"]]
        norms = [norm for norm in arm["norm"] or grid["norm"] if _norm_kind(norm) in kinds]
        rows += _product(config, f"grid.arms.{name}", arm, sizes, norms)
    return rows + _met(config, rows)


def check_arms(config: StudyConfig) -> None:
    """Raise ValueError for values of an arm that the grid lacks, which `expand` would leave out.

    A grid that was narrowed on the command line narrows its arms on purpose.
    """
    grid = config["grid"]
    given = {text.partition("=")[0] for text in config["overrides"]}
    for (name, arm), key in itertools.product(grid["arms"].items(), ("batch_size", "norm")):
        path, there = f"grid.arms.{name}.{key}", grid[key]
        if f"grid.{key}" in given and path not in given:
            continue
        kinds = {_norm_kind(norm) for norm in there} if key == "norm" else set(there)
        lacking = [
            value
            for value in arm[key] or []
            if (_norm_kind(value) if key == "norm" else value) not in kinds
        ]
        if lacking:
            raise ValueError(
                f"{path}: {', '.join(map(str, lacking))} {'is' if len(lacking) == 1 else 'are'} not in grid.{key}, so the arm "
                f"would train nothing there; add {'it' if len(lacking) == 1 else 'them'} to grid.{key}, or remove "
                f"{'it' if len(lacking) == 1 else 'them'} here"
            )


def _met(config: StudyConfig, rows: list[GridRow]) -> list[GridRow]:
    """The rows of other budgets of the study that are met by settings in `rows`."""
    budget, size = config["grid"]["budget"], config["dataset"]["sizes"]["train"]
    found: list[GridRow] = []
    for name, row in itertools.product(dict.fromkeys(row["budget"] for row in rows), rows):
        m, b = row["batch_size"], row["bn_batch_size"]
        course = cast(ScheduleSettings, row["course"])
        try:
            planned = _updates(name, budget, course, m, b, size)
        except ValueError:  # the budget does not suit the schedule
            continue
        met = cast(GridRow, {**row, "budget": name})
        if planned == (row["updates"], row["examples"]) and met not in rows + found:
            found.append(met)
    return found


def schedules(config: StudyConfig, arm: dict) -> dict[str, ScheduleSettings]:
    """The schedules of the grid or of an arm, by name."""
    wanted = arm["schedule"] if arm["schedule"] is not None else config["grid"]["schedule"]
    if wanted is None:
        return {config["schedule"]["name"]: without_null(config["schedule"])}
    return {name: without_null(config["schedules"][name]) for name in wanted}


def _product(
    config: StudyConfig, path: str, arm: dict, sizes: list[int], norms: list[str]
) -> list[GridRow]:
    grid, train_size = config["grid"], config["dataset"]["sizes"]["train"]
    rows: list[GridRow] = []
    for m, norm, (name, schedule) in itertools.product(
        sizes, norms, schedules(config, arm).items()
    ):
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
                "budget": budget_name(budget, grid["budget"], train_size),
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
    path: str,
    name: str,
    schedule: ScheduleSettings,
    m: int,
    kind: str,
    b: int | None,
    train_size: int,
) -> None:
    """Check the combination of schedule, batch size and norm; raises ValueError with the fix."""
    rule = schedule["name"]
    said = rule if rule == name else f"schedule {name} ({rule})"
    if rule in ADAPTIVE and kind == "bn":
        raise ValueError(
            f"{path}.norm: {said} needs the gradient of each example alone, and batch norm has none; write none or gn"
        )
    if rule in ADAPTIVE and m < 2:
        raise ValueError(
            f"{path}.batch_size: {said} needs blocks of 2 examples or more for a variance, not {m}"
        )
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
            raise ValueError(
                "grid.budget cannot be updates_of; write epochs:E, updates:U or examples:X"
            )
        budget = budget_name(budget, grid_budget, size)
    return updates_planned(schedule, budget, m, b or 1, size)


def budget_name(budget: str, grid_budget: str, train_size: int) -> str:
    if budget.startswith("updates_of:"):
        return f"updates:{updates_in(grid_budget, int(budget.partition(':')[2]), train_size)}"
    return budget


def _rates(path: str, grid: dict, arm: dict, m: int, kind: str) -> list[float]:
    """The η̃ of a batch size and norm. The arm's rates override the grid's, the more specific keys
    override `base_lr`; only `base_lr` is scaled with m."""
    scaling = arm["scaling"] or grid["scaling"] or "linear"
    scale = (m / (grid["scaling_reference"] or 1)) ** (EXPONENTS[scaling] - 1)
    for owner, where in ((arm, path), (grid, "grid")):
        for key in (f"m{m}_{kind}", f"m{m}"):
            if key in owner["base_lr_at"]:
                return sorted(parse_rates(owner["base_lr_at"][key], f"{where}.base_lr_at.{key}"))
        if owner["base_lr"]:
            return sorted(
                rate * scale for rate in parse_rates(owner["base_lr"], f"{where}.base_lr")
            )
    raise ValueError(
        f"{path}.base_lr: no rate for batch size {m}; write grid.base_lr, for example [2**-10..2**-4]"
    )


def without_null(value: Any) -> Any:
    """Remove keys that are null, so that a new option with default null changes no digest."""
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    return value
