"""What a schedule may say: bounds, and keys that only some schedules have."""

import math
import re
from typing import Any

from smallbatch.core.records import StudyConfig
from smallbatch.schedules.budget import updates_in
from smallbatch.schedules.course import ADAPTIVE
from smallbatch.schedules.registry import SCHEDULES, schedules_with

NAMES = tuple(SCHEDULES)
# Which schedules have a key that not all have.
KEYS = {
    key: schedules_with(key)
    for key in dict.fromkeys(key for kind in SCHEDULES.values() for key in kind.keys)
}


def check_budget(path: str, budget: str) -> None:
    """Raise ValueError for a text that is no budget."""
    if not re.fullmatch(r"updates_of:[1-9]\d*", budget):
        try:
            updates_in(budget, 1, 1)
        except ValueError as error:
            raise ValueError(
                f"{path}: {error}, or updates_of:M for as many updates as batch size M has"
            ) from None


def check_schedules(config: StudyConfig) -> None:
    """Raise ValueError, with the key and the fix, for schedules that no study can have."""
    grid, known = config["grid"], config["schedules"]
    paths = {"grid": grid} | {f"grid.arms.{name}": arm for name, arm in grid["arms"].items()}
    for path, axes in paths.items():
        for name in axes["schedule"] or []:
            if name not in known:
                raise ValueError(
                    f"{path}.schedule: there is no schedule {name!r} in `schedules` (known: {', '.join(known) or 'none'}); "
                    f"add /schedule@schedules.{name}: NAME to the study's defaults"
                )
    if grid["scaling_reference"] is not None and grid["scaling_reference"] < 1:
        raise ValueError(
            f"grid.scaling_reference: {grid['scaling_reference']} is not a valid batch size; write 1 or more"
        )
    for path, schedule in all_schedules(config).items():
        _check_schedule(path, schedule, config)


def all_schedules(config: StudyConfig) -> dict[str, dict[str, Any]]:
    """The schedules of a study by the path of their keys."""
    found = {f"schedules.{name}": schedule for name, schedule in config["schedules"].items()}
    arms = [config["grid"], *config["grid"]["arms"].values()]
    named = config["grid"]["schedule"] is not None or all(
        arm["schedule"] is not None for arm in arms
    )
    return found if named else found | {"schedule": config["schedule"]}


def _check_schedule(path: str, schedule: dict[str, Any], config: StudyConfig) -> None:
    _check_keys(path, schedule)
    _check_drops(path, schedule)
    _check_bounds(path, schedule)
    _check_sampling(path, schedule, config)
    _check_with_optimizer(path, schedule, config)


def _check_keys(path: str, schedule: dict[str, Any]) -> None:
    """There is such a schedule, and it has the keys that are set."""
    name = schedule["name"]
    if name not in NAMES:
        raise ValueError(
            f"{path}.name: {name!r} is not a schedule; write {', '.join(NAMES[:-1])} or {NAMES[-1]}"
        )
    for key, owners in KEYS.items():
        if schedule[key] and name not in owners:
            raise ValueError(
                f"{path}.{key}: {schedule[key]} is a setting of {', '.join(owners)}, not of {name}; leave it out"
            )


def _check_drops(path: str, schedule: dict[str, Any]) -> None:
    """Where something changes in steps, and by how much."""
    grows = schedule["name"] == "increase-batch"
    drops, factor = schedule["drops"], schedule["factor"]
    if drops != sorted(set(drops)) or not all(0 < drop < 1 for drop in drops):
        raise ValueError(
            f"{path}.drops: {drops} must be increasing, between 0 and 1 (fractions of the budget)"
        )
    if grows and not drops:
        raise ValueError(
            f"{path}.drops: empty; write at which fractions of the budget the batch grows"
        )
    if drops and factor is None:
        raise ValueError(f"{path}.factor: missing; write by what each drop multiplies")
    if factor is not None and grows and not 1 < factor < math.inf:
        raise ValueError(
            f"{path}.factor: {factor} must be above 1: each drop multiplies the batch size by it, "
            "where a step schedule would divide the rate"
        )
    if factor is not None and not grows and not 0 < factor < 1:
        raise ValueError(
            f"{path}.factor: {factor} must be between 0 and 1: each drop multiplies the rate by it"
        )


def _check_bounds(path: str, schedule: dict[str, Any]) -> None:
    """Numbers that have bounds of their own, whatever the rest of the study."""
    increases, cap, scale = schedule["increases"], schedule["cap"], schedule["scale"]
    warmup, warmup_from = schedule["warmup"], schedule["warmup_from"]
    if increases is not None and increases < 1:
        raise ValueError(f"{path}.increases: {increases} must be 1 or more")
    if cap is not None and not 0 < cap <= 1:
        raise ValueError(
            f"{path}.cap: {cap} must be above 0 and at most 1: no batch holds more than all training images"
        )
    if warmup is not None and not 0 < warmup < 1:
        raise ValueError(f"{path}.warmup: {warmup} must be between 0 and 1 (a share of the budget)")
    if warmup_from is not None and not (warmup and 0 <= warmup_from < 1):
        raise ValueError(
            f"{path}.warmup_from: it must be at least 0 and below 1, and needs warmup, a share of the budget"
        )
    for key in ("momentum", "smoothing"):
        if schedule[key] is not None and not 0 <= schedule[key] < 1:
            raise ValueError(f"{path}.{key}: {schedule[key]} must be at least 0 and below 1")
    if scale is not None and not 0 < scale < math.inf:
        raise ValueError(f"{path}.scale: {scale} must be above 0, and finite")


def _check_sampling(path: str, schedule: dict[str, Any], config: StudyConfig) -> None:
    sampling = schedule["sampling"]
    if sampling not in (None, "epochs", "fresh"):
        raise ValueError(
            f"{path}.sampling: {sampling!r} is not a way of sampling; write epochs or fresh"
        )
    if sampling == "fresh" and config["augmentation"]:
        raise ValueError(
            f"{path}.sampling: fresh draws have no epochs, by which augmentation is drawn; write augmentation=none"
        )


def _check_with_optimizer(path: str, schedule: dict[str, Any], config: StudyConfig) -> None:
    """Schedules that only some optimizers, and only single precision, can follow."""
    name, optimizer = schedule["name"], config["optimizer"]
    if schedule["momentum"] is not None and optimizer["name"] != "sgd":
        raise ValueError(
            f"{path}.momentum: {optimizer['name']} has no momentum; write optimizer=sgd"
        )
    if optimizer["half_life"] and (name == "increase-batch" or name in ADAPTIVE):
        raise ValueError(
            f"optimizer.half_life: it makes beta2 a matter of the batch size, which {name} changes; write optimizer.beta2"
        )
    if name not in ADAPTIVE:
        return
    if optimizer["name"] != "sgd":
        raise ValueError(f"{path}.name: {name} is a rule for the steps of SGD; write optimizer=sgd")
    if config["precision"]:
        raise ValueError(
            f"precision: {name} takes moments of gradients in single precision; write precision=null"
        )
    if optimizer["nesterov"]:
        raise ValueError(
            f"{path}.name: {name} does not support Nesterov momentum; leave out optimizer.nesterov"
        )
