"""What a composed study is checked for before anything runs: bounds, names, and keys that belong
together."""

import math
import re
from typing import Any

from smallbatch.config.claims import check_claims
from smallbatch.config.papers import entries
from smallbatch.config.schedules import check_budget, check_schedules
from smallbatch.core.rates import parse_rates
from smallbatch.core.records import StudyConfig
from smallbatch.measures.registry import EPOCH_MEASURES
from smallbatch.tracking.server import check_uri
from smallbatch.training.optimizers.kinds import OPTIMIZERS, optimizer_kind

# Bytes. File systems take 255, for the names of data set and model with what stands around them.
LONGEST_NAME = 60


def check(config: StudyConfig) -> None:
    """Raise ValueError, with the key and the fix, for values that no study can have.

    `config` is a composed `Config` as plain Python. What depends on several axes (a BN batch that
    doesn't divide m) is found when the grid is expanded.
    """
    _check_dataset(config["dataset"])
    for group in ("dataset", "model"):
        for key in ("name", "_target_"):
            _check_text(f"{group}.{key}", config[group].get(key))
        check_name(f"{group}.name", config[group]["name"])
    _check_augmentation(config["augmentation"], config["dataset"]["shape"])
    grid = config["grid"]
    _check_axes("grid", grid)
    if not isinstance(grid["seeds"], int) or grid["seeds"] < 1:
        raise ValueError(f"grid.seeds: {grid['seeds']} is not a number of seeds; write 1 or more")
    for name, arm in grid["arms"].items():
        _check_axes(f"grid.arms.{name}", arm)
    check_schedules(config)
    optimizer = config["optimizer"]
    _check_optimizer(optimizer)
    if config["tracking"]["name"] not in ("mlflow", "none"):
        raise ValueError(
            f"tracking.name: {config['tracking']['name']!r} is not a tracking backend; write mlflow or none"
        )
    check_uri(config["tracking"]["uri"])
    training = config["training"]
    if training["gpus"] < 0:
        raise ValueError(f"training.gpus: {training['gpus']} must be 0 or more")
    if training["device"] not in (None, "cpu", "cuda"):
        raise ValueError(
            f"training.device: {training['device']!r} is not a valid device; write cpu, cuda or null"
        )
    if config["precision"] not in (None, "tf32", "bf16"):
        raise ValueError(
            f"precision: {config['precision']!r} is not a valid precision; write tf32, bf16 or null (float32)"
        )
    for key, value in training.items():
        if key not in ("gpus", "device") and value is not None and not 0 < value < math.inf:
            raise ValueError(f"training.{key}: {value} must be above 0, and finite")
    _check_evaluation(config["evaluation"])
    check_claims(config, set(entries()))


def _check_text(path: str, value: object) -> None:
    if value is None:
        group = path.partition(".")[0]
        raise ValueError(f"{path}: missing; name a file of conf/{group}/ or write the key")
    if not isinstance(value, str):
        kind = "a list or mapping" if isinstance(value, list | dict) else "a number or boolean"
        raise ValueError(
            f"{path}: {value!r} is {kind} to YAML, not a text; write one that begins with a letter"
        )


def check_name(path: str, name: str) -> None:
    """Raise ValueError for a name that can't stand in names of files and of Snakemake's targets."""
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"{path}: {name!r} is not a name; use letters, digits, - and _")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"{path}: {name!r} is too long; use at most {LONGEST_NAME} letters")


def _check_evaluation(evaluation: dict[str, Any]) -> None:
    for epoch in evaluation["epochs"]:
        if epoch < 1:
            raise ValueError(f"evaluation.epochs: {epoch} is not an epoch; write 1 or more")
    for measure in EPOCH_MEASURES:
        if evaluation[measure.key] is not None:
            measure.check(evaluation[measure.key])
    if evaluation["target"] is not None and not 0 < evaluation["target"] <= 1:
        raise ValueError(f"evaluation.target: {evaluation['target']} must be above 0 and at most 1")


def _check_dataset(dataset: dict[str, Any]) -> None:
    sizes = dataset.get("sizes")
    if not isinstance(sizes, dict) or set(sizes) != {"train", "validation", "test"}:
        raise ValueError("dataset.sizes: write the number of images in train, validation and test")
    for split, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(
                f"dataset.sizes.{split}: {size} is not a number of images; write 1 or more"
            )
    shape = dataset.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) != 3
        or not all(isinstance(n, int) and n > 0 for n in shape)
    ):
        raise ValueError("dataset.shape: write [channels, height, width] of one image")
    if not isinstance(dataset.get("classes"), int) or dataset["classes"] < 2:
        raise ValueError("dataset.classes: write the number of classes, 2 or more")
    _check_files(dataset)


def _check_files(dataset: dict[str, Any]) -> None:
    """The keys that say where a data set's files come from, and check them."""
    if not isinstance(dataset.get("mirror"), str | None):
        raise ValueError(
            f"dataset.mirror: {dataset['mirror']!r} is not a folder; write its path, or null"
        )
    sums, download = dataset.get("sha256"), dataset.get("download")
    if sums is not None and not (
        isinstance(sums, dict) and all(isinstance(one, str) for one in sums.values())
    ):
        raise ValueError(
            f"dataset.sha256: {sums!r} names no splits; write {{train: SUM, test: SUM}}, or null"
        )
    if download is None:
        return
    if (
        not isinstance(download, dict)
        or not isinstance(download.get("url"), str)
        or not download.get("files")
    ):
        raise ValueError("dataset.download: write its url and files: {NAME: md5:SUM or sha256:SUM}")
    if re.search(r"://[^/]*@", download["url"]):
        raise ValueError(
            "dataset.download.url: it holds a user name or a password, which would be written to plans; "
            "leave them out, and write them into ~/.netrc"
        )
    for name, checksum in download["files"].items():
        if not re.fullmatch("(md5|sha256):[0-9a-f]+", str(checksum)):
            raise ValueError(
                f"dataset.download.files.{name}: {checksum} is not a valid checksum; write md5:SUM or sha256:SUM"
            )


def _check_optimizer(optimizer: dict[str, Any]) -> None:
    name, own = optimizer["name"], optimizer_kind(optimizer).keys
    for key in dict.fromkeys(
        key for kind in OPTIMIZERS.values() for key in kind.keys if key not in own
    ):
        if optimizer[key]:
            owners = ", ".join(other for other, kind in OPTIMIZERS.items() if key in kind.keys)
            raise ValueError(
                f"optimizer.{key}: {optimizer[key]} is a setting of {owners}; leave it out with {name}"
            )
    for key in ("momentum", "beta1", "beta2"):
        if optimizer[key] is not None and not 0 <= optimizer[key] < 1:
            raise ValueError(f"optimizer.{key}: {optimizer[key]} must be at least 0 and below 1")
    if optimizer["nesterov"] and not optimizer["momentum"]:
        raise ValueError(
            "optimizer.nesterov: true, but momentum is 0; write optimizer.momentum=0.9"
        )
    if optimizer["half_life"] and optimizer["beta2"]:
        raise ValueError(
            "optimizer.half_life: it stands in place of beta2; add optimizer.beta2=null"
        )
    for key in ("half_life", "eps"):
        if optimizer[key] is not None and not 0 < optimizer[key] < math.inf:
            raise ValueError(f"optimizer.{key}: {optimizer[key]} must be above 0, and finite")
    if not 0 <= optimizer["weight_decay"] < math.inf:
        raise ValueError(f"optimizer.weight_decay: {optimizer['weight_decay']} must be 0 or more")


def _check_augmentation(augmentation: dict[str, Any] | None, shape: list[int]) -> None:
    if not augmentation:
        return
    name, padding = augmentation["name"], augmentation["padding"]
    if name != "crop-flip":
        raise ValueError(
            f"augmentation.name: {name!r} is not a valid augmentation; write augmentation=crop-flip or none"
        )
    most = min(*shape[1:], 64) - 1  # int8 holds twice that
    if not 0 <= padding <= most:
        raise ValueError(
            f"augmentation.padding: {padding} must be between 0 and {most} for images of {shape[1:]} pixels"
        )


def _check_axes(path: str, axes: dict[str, Any]) -> None:
    for key in ("batch_size", "norm", "base_lr"):
        values = axes[key]
        if values is None:
            continue
        if not values:
            raise ValueError(f"{path}.{key}: the list is empty; give it at least one value")
        repeated = next((value for i, value in enumerate(values) if value in values[:i]), None)
        if repeated is not None:
            raise ValueError(f"{path}.{key}: {repeated} is listed twice; remove one")
    for m in axes["batch_size"] or []:
        if m < 1:
            raise ValueError(f"{path}.batch_size: {m} is not a batch size; write 1 or more")
    for norm in axes["norm"] or []:
        if not re.fullmatch(r"none|gn|bn|bn:[1-9]\d*", norm):
            raise ValueError(
                f"{path}.norm: {norm!r} is not a norm; write none, bn, bn:b (batch norm over b examples) or gn (group norm)"
            )
    for key in axes["base_lr_at"]:
        if not re.fullmatch(r"m[1-9]\d*(_none|_bn|_gn)?", key):
            raise ValueError(
                f"{path}.base_lr_at.{key}: write m256, m256_none, m256_bn or m256_gn for batch size 256"
            )
    lists = {f"{path}.base_lr_at.{key}": values for key, values in axes["base_lr_at"].items()}
    for key, values in ({f"{path}.base_lr": axes["base_lr"]} | lists).items():
        rates = parse_rates(values or [], key)
        if len(set(rates)) < len(rates):
            raise ValueError(f"{key}: the same rate is listed twice; remove one")
        if values is not None and not rates:
            raise ValueError(f"{key}: the list is empty; give it at least one rate")
    if axes["scaling"] not in (None, "linear", "sqrt", "constant"):
        raise ValueError(
            f"{path}.scaling: {axes['scaling']!r} is not a valid rule; write linear, sqrt or constant"
        )
    if axes["budget"] is not None:
        check_budget(f"{path}.budget", axes["budget"])
