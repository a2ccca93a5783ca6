"""What a study may say: every key, its type, unit and bounds.

The classes are Hydra's structured configs, so unknown keys and wrong types are refused when a study is
composed; `check` refuses what types can't.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

from smallbatch.config_claims import Claims, Paper, check_claims
from smallbatch.config_schedules import check_budget, check_schedules
from smallbatch.papers import entries
from smallbatch.rates import parse_rates
from smallbatch.records import StudyConfig


@dataclass
class Arm:
    """Further points beside the grid's own: axes that are null are the grid's."""

    batch_size: list[int] | None = None  # those that the grid leaves out are left out here too
    norm: list[str] | None = None  # likewise, by kind (bn:4 is of the kind bn)
    schedule: list[str] | None = None
    base_lr: list[Any] | None = None
    base_lr_at: dict[str, list[Any]] = field(default_factory=dict)
    scaling: str | None = None
    budget: str | None = None


@dataclass
class Grid:
    batch_size: list[int] = field(default_factory=list)  # m: examples per update, >= 1
    norm: list[str] = field(
        default_factory=lambda: ["none"]
    )  # none, bn (over the batch), bn:b (over b examples), gn (group norm)
    base_lr: list[Any] = field(default_factory=list)  # η̃ = η/m: numbers, 2**-8, or octaves 2**-10..2**-4
    base_lr_at: dict[str, list[Any]] = field(default_factory=dict)  # in place of base_lr at m256, m256_none, m256_bn
    scaling: str | None = None  # how η goes with m: linear (null: η̃ as listed), sqrt (η ∝ √m) or constant (η)
    scaling_reference: int | None = (
        None  # the m at which base_lr is η̃ under sqrt and constant; null: 1, so it is η there
    )
    schedule: list[str] | None = None  # names in `schedules`; null: the one in `schedule`; []: only those of the arms
    budget: str = "epochs:10"  # epochs:E, updates:U, examples:X, or updates_of:M (as many as batch size M has)
    seeds: int = 10  # seeds 0 ... seeds - 1; >= 1
    arms: dict[str, Arm] = field(default_factory=dict)


@dataclass
class Schedule:
    name: str = "step"  # constant, step, cosine, increase-batch; adaptive: ba-sgd, gradient-noise, cabs
    drops: list[float] = field(default_factory=list)  # fractions of the budget, rising, in (0, 1)
    factor: float | None = (
        None  # of each drop: step multiplies the rate by it (< 1), increase-batch the batch size (> 1)
    )
    increases: int | None = None  # increase-batch: at so many drops, then the rate is divided; null: at all
    cap: float | None = (
        None  # increase-batch, adaptive: the largest batch, as a share of the training images; null: all
    )
    warmup: float | None = None  # share of the budget over which the rate rises linearly
    warmup_from: float | None = None  # the factor it rises from, in [0, 1); null: 0
    momentum: float | None = None  # in place of optimizer.momentum
    sampling: str | None = None  # epochs (null): every example once an epoch; fresh: each update draws from all
    smoothing: float | None = None  # gradient-noise, cabs: share of the old average that an update keeps; null: 0.95
    scale: float | None = None  # gradient-noise: batch size over the noise scale; null: 1


@dataclass
class Augmentation:
    name: str = "crop-flip"
    padding: int = 4  # pixels on each side; 0: no crops
    flip: bool = True  # mirror images, left to right


@dataclass
class Optimizer:
    name: str = "sgd"
    momentum: float = 0.0  # in [0, 1)
    weight_decay: float = 0.0  # λ, per update; >= 0. sgd: λθ is added to the gradient; adamw: ηλθ is subtracted
    nesterov: bool | None = None  # sgd: a step looks ahead along the velocity
    beta1: float | None = None  # adamw: of the mean gradient, in [0, 1); null: 0.9
    beta2: float | None = None  # adamw: of the mean square, in [0, 1); null: 0.999
    half_life: float | None = None  # adamw: in place of beta2 the examples after which a square counts half
    eps: float | None = None  # adamw: > 0; null: 1e-8


@dataclass
class Evaluation:
    epochs: list[int] = field(default_factory=list)  # scored beside the start and the last 6%
    noise_scale: float | None = (
        None  # share of the training images to measure the gradient noise scale with, each epoch; null: not
    )
    target: float | None = None  # validation accuracy to reach, for the figure of updates; null: one that all reach


@dataclass
class Tracking:
    name: str = "mlflow"  # or none
    uri: str | None = None  # of a tracking server; null: the SQLite file results/mlflow.db


@dataclass
class Training:
    job_seconds: float = 20.0  # short fleets share a job up to this estimate; starting one costs some 3 s
    images_per_second: float = 250_000.0  # of one core, for that estimate alone
    checkpoint_seconds: float = 10.0  # between two checkpoints of a block that trains
    mem_mb: int | None = None  # memory that a job asks for and keeps to; null: what is predicted, with a margin
    runtime: int | None = None  # its minutes; null likewise
    gpus: int = 0  # per job
    device: str | None = None  # cpu or cuda; null: a GPU if gpus says so and there is one


@dataclass
class Config:
    title: str = ""
    description: str = ""
    dataset: dict[str, Any] = field(default_factory=dict)  # name, _target_, shape, classes, sizes, own keys
    model: dict[str, Any] = field(default_factory=dict)  # name, _target_, own keys
    augmentation: Augmentation | None = None  # of training images; null: none
    schedule: Schedule = field(default_factory=Schedule)
    schedules: dict[str, Schedule] = field(default_factory=dict)  # several by name, for grid.schedule
    optimizer: Optimizer = field(default_factory=Optimizer)
    grid: Grid = field(default_factory=Grid)
    evaluation: Evaluation = field(default_factory=Evaluation)
    claims: Claims = field(default_factory=Claims)  # that the report decides
    papers: dict[str, Paper] = field(default_factory=dict)  # what stands beside the measured numbers
    training: Training = field(default_factory=Training)
    tracking: Tracking = field(default_factory=Tracking)
    precision: str | None = None  # of products in training: tf32, bf16 (weights and evaluation: float32); null: float32
    accept_code: list[str] = field(default_factory=list)  # digests of older training code whose results still hold


def check(config: StudyConfig) -> None:
    """Raise ValueError, with the key and the fix, for values that no study can have.

    `config` is a composed `Config` as plain Python. What depends on several axes (a BN batch that doesn't
    divide m) is found when the grid is expanded.
    """
    _check_dataset(config["dataset"])
    for group in ("dataset", "model"):
        for key in ("name", "_target_"):
            if not isinstance(config[group].get(key), str):
                raise ValueError(f"{group}.{key}: missing; name a file of conf/{group}/ or write the key")
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
        raise ValueError(f"tracking.name: {config['tracking']['name']!r} is no way of tracking; write mlflow or none")
    training = config["training"]
    if training["gpus"] < 0:
        raise ValueError(f"training.gpus: {training['gpus']} must be 0 or more")
    if training["device"] not in (None, "cpu", "cuda"):
        raise ValueError(f"training.device: {training['device']!r} is no device; write cpu, cuda or null")
    if config["precision"] not in (None, "tf32", "bf16"):
        raise ValueError(f"precision: {config['precision']!r} is no precision; write tf32, bf16 or null (float32)")
    for key, value in training.items():
        if key not in ("gpus", "device") and value is not None and not 0 < value < math.inf:
            raise ValueError(f"training.{key}: {value} must be above 0, and finite")
    _check_evaluation(config["evaluation"])
    check_claims(config, set(entries()))


def _check_evaluation(evaluation: dict[str, Any]) -> None:
    for epoch in evaluation["epochs"]:
        if epoch < 1:
            raise ValueError(f"evaluation.epochs: {epoch} is not an epoch; write 1 or more")
    for key in ("noise_scale", "target"):
        if evaluation[key] is not None and not 0 < evaluation[key] <= 1:
            raise ValueError(f"evaluation.{key}: {evaluation[key]} must lie above 0 and not above 1")


def _check_dataset(dataset: dict[str, Any]) -> None:
    sizes = dataset.get("sizes")
    if not isinstance(sizes, dict) or set(sizes) != {"train", "validation", "test"}:
        raise ValueError("dataset.sizes: write the number of images in train, validation and test")
    for split, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"dataset.sizes.{split}: {size} is not a number of images; write 1 or more")
    shape = dataset.get("shape")
    if not isinstance(shape, list) or len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError("dataset.shape: write [channels, height, width] of one image")
    if not isinstance(dataset.get("classes"), int) or dataset["classes"] < 2:
        raise ValueError("dataset.classes: write the number of classes, 2 or more")
    _check_files(dataset)


def _check_files(dataset: dict[str, Any]) -> None:
    """The keys that say where a data set's files come from, and check them."""
    if not isinstance(dataset.get("mirror"), str | None):
        raise ValueError(f"dataset.mirror: {dataset['mirror']!r} is no folder; write its path, or null")
    sums, download = dataset.get("sha256"), dataset.get("download")
    if sums is not None and not (isinstance(sums, dict) and all(isinstance(one, str) for one in sums.values())):
        raise ValueError(f"dataset.sha256: {sums!r} names no splits; write {{train: SUM, test: SUM}}, or null")
    if download is None:
        return
    if not isinstance(download, dict) or not isinstance(download.get("url"), str) or not download.get("files"):
        raise ValueError("dataset.download: write its url and files: {NAME: md5:SUM or sha256:SUM}")
    for name, checksum in download["files"].items():
        if not re.fullmatch("(md5|sha256):[0-9a-f]+", str(checksum)):
            raise ValueError(f"dataset.download.files.{name}: {checksum} is no checksum; write md5:SUM or sha256:SUM")


ONLY = {"sgd": ("momentum", "nesterov"), "adamw": ("beta1", "beta2", "half_life", "eps")}  # keys of one optimizer


def _check_optimizer(optimizer: dict[str, Any]) -> None:
    name = optimizer["name"]
    if name not in ONLY:
        raise ValueError(f"optimizer.name: {name!r} is not an optimizer; write sgd or adamw")
    other = next(other for other in ONLY if other != name)
    for key in ONLY[other]:
        if optimizer[key]:
            raise ValueError(f"optimizer.{key}: {optimizer[key]} is a setting of {other}; leave it out with {name}")
    for key in ("momentum", "beta1", "beta2"):
        if optimizer[key] is not None and not 0 <= optimizer[key] < 1:
            raise ValueError(f"optimizer.{key}: {optimizer[key]} must be at least 0 and below 1")
    if optimizer["nesterov"] and not optimizer["momentum"]:
        raise ValueError("optimizer.nesterov: true, but momentum is 0; write optimizer.momentum=0.9")
    if optimizer["half_life"] and optimizer["beta2"]:
        raise ValueError("optimizer.half_life: it stands in place of beta2; add optimizer.beta2=null")
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
        raise ValueError(f"augmentation.name: {name!r} is no augmentation; write augmentation=crop-flip or none")
    most = min(*shape[1:], 64) - 1  # int8 holds twice that
    if not 0 <= padding <= most:
        raise ValueError(
            f"augmentation.padding: {padding} must lie between 0 and {most} for images of {shape[1:]} pixels"
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
            raise ValueError(f"{path}.{key}: {repeated} stands there twice; remove one")
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
            raise ValueError(f"{path}.base_lr_at.{key}: write m256, m256_none, m256_bn or m256_gn for batch size 256")
    lists = {f"{path}.base_lr_at.{key}": values for key, values in axes["base_lr_at"].items()}
    for key, values in ({f"{path}.base_lr": axes["base_lr"]} | lists).items():
        rates = parse_rates(values or [], key)
        if len(set(rates)) < len(rates):
            raise ValueError(f"{key}: the same rate stands there twice; remove one")
        if values is not None and not rates:
            raise ValueError(f"{key}: the list is empty; give it at least one rate")
    if axes["scaling"] not in (None, "linear", "sqrt", "constant"):
        raise ValueError(f"{path}.scaling: {axes['scaling']!r} is no rule; write linear, sqrt or constant")
    if axes["budget"] is not None:
        check_budget(f"{path}.budget", axes["budget"])
