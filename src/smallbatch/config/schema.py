"""What a study may say: every key, its type, unit and bounds.

The classes are Hydra's structured configs, so unknown keys and wrong types are refused when a study is
composed; `check` refuses what types can't.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

from smallbatch.config.claims import Claims, Paper, check_claims
from smallbatch.config.papers import entries
from smallbatch.config.schedules import check_budget, check_schedules
from smallbatch.core.rates import parse_rates
from smallbatch.core.records import StudyConfig
from smallbatch.measures.registry import EPOCH_MEASURES, MeasureKeys
from smallbatch.training.optimizers.kinds import OPTIMIZERS, optimizer_kind


@dataclass
class Arm:
    """Points beside the grid's own product. An axis that is null is the grid's."""

    batch_size: list[int] | None = None  # a batch size that the grid leaves out is left out here too
    norm: list[str] | None = None  # likewise, by kind (bn:4 is of the kind bn)
    schedule: list[str] | None = None  # names in `schedules`
    base_lr: list[Any] | None = None  # as grid.base_lr
    base_lr_at: dict[str, list[Any]] = field(default_factory=dict)  # as grid.base_lr_at
    scaling: str | None = None  # as grid.scaling
    budget: str | None = None  # as grid.budget, or updates_of:M: as many updates as batch size M gets in the grid


@dataclass
class Grid:
    """The axes of the grid; its points are their product, and the points of the arms."""

    batch_size: list[int] = field(default_factory=list)  # m: examples per update, 1 or more
    norm: list[str] = field(default_factory=lambda: ["none"])  # none, bn (over the batch), bn:b (over b examples), gn
    base_lr: list[Any] = field(default_factory=list)  # η̃ = η/m: numbers, `2**-8`, or octaves `2**-10..2**-4`
    base_lr_at: dict[str, list[Any]] = field(default_factory=dict)  # replaces base_lr at m256, m256_none, m256_bn
    scaling: str | None = None  # how η depends on m: linear (null: η̃ as listed), sqrt (η ∝ √m) or constant (η)
    scaling_reference: int | None = None  # the m at which base_lr is η̃ under sqrt and constant; null: 1
    schedule: list[str] | None = None  # names in `schedules`; null: the one in `schedule`; []: only those of the arms
    budget: str = "epochs:10"  # epochs:E, updates:U or examples:X
    seeds: int = 10  # seeds 0 ... seeds - 1; 1 or more
    arms: dict[str, Arm] = field(default_factory=dict)  # points beside the product of these axes, by name


@dataclass
class Schedule:
    """Learning rate and batch size over training. Some keys belong to some schedules only."""

    name: str = "step"  # constant, step, cosine, increase-batch; adaptive: ba-sgd, gradient-noise, cabs
    drops: list[float] = field(default_factory=list)  # fractions of the budget, rising, in (0, 1)
    factor: float | None = None  # of each drop: step multiplies the rate by it (< 1), increase-batch the batch (> 1)
    increases: int | None = None  # increase-batch: drops that increase the batch, later ones divide the rate; null: all
    cap: float | None = None  # increase-batch, adaptive: largest batch, as a share of the training images; null: 1
    warmup: float | None = None  # share of the budget over which the rate rises linearly; null: no warm-up
    warmup_from: float | None = None  # the factor it rises from, in [0, 1); null: 0
    momentum: float | None = None  # replaces optimizer.momentum; null: optimizer.momentum
    sampling: str | None = None  # epochs (null): every example once an epoch; fresh: each update draws from all
    smoothing: float | None = None  # gradient-noise, cabs: share of the old average that an update keeps; null: 0.95
    scale: float | None = None  # gradient-noise: batch size divided by the noise scale; null: 1


@dataclass
class Augmentation:
    """Changes of training images, drawn by seed, epoch and example: the same at every batch size."""

    name: str = "crop-flip"  # crop-flip
    padding: int = 4  # pixels on each side, of which crops are drawn; 0: no crops
    flip: bool = True  # mirror half of the images, left to right


@dataclass
class Optimizer:
    """Some keys belong to one optimizer only."""

    name: str = "sgd"  # sgd or adamw
    momentum: float = 0.0  # sgd: in [0, 1)
    weight_decay: float = 0.0  # λ, per update; 0 or more. sgd: λθ is added to the gradient; adamw: ηλθ is subtracted
    nesterov: bool | None = None  # sgd: Nesterov momentum; null: false
    beta1: float | None = None  # adamw: decay of the mean gradient, in [0, 1); null: 0.9
    beta2: float | None = None  # adamw: decay of the mean square, in [0, 1); null: 0.999
    half_life: float | None = None  # adamw: replaces beta2; number of examples after which a square counts half
    eps: float | None = None  # adamw: above 0; null: 1e-8


@dataclass
class Evaluation(MeasureKeys):
    """What is measured during training."""

    epochs: list[int] = field(default_factory=list)  # epochs scored in addition to epoch 0 and the last 6%
    target: float | None = None  # validation accuracy of the figure updates_to_target; null: one that all reach


@dataclass
class Tracking:
    """Where training runs are logged."""

    name: str = "mlflow"  # mlflow or none
    uri: str | None = None  # of a tracking server; null: the SQLite file results/mlflow.db


@dataclass
class Training:
    """How points are packed into jobs and what a job asks for. Results do not depend on it."""

    job_seconds: float = 20.0  # s: fleets shorter than this estimate share a job; starting a job takes some 3 s
    images_per_second: float = 250_000.0  # speed of one core, used only for that estimate
    checkpoint_seconds: float = 10.0  # s between two checkpoints of a block that trains
    mem_mb: int | None = None  # MB that a job asks for and stays within; null: the prediction with a margin
    runtime: int | None = None  # minutes that a job asks for; null: predicted
    gpus: int = 0  # GPUs that a job asks for
    device: str | None = None  # cpu or cuda; null: a GPU if gpus is above 0 and there is one


@dataclass
class Config:
    """The keys at the top of a study."""

    title: str = ""  # of the report
    description: str = ""  # the question of the study, in a sentence or two
    dataset: dict[str, Any] = field(default_factory=dict)  # name, `_target_`, shape, classes, sizes, and its own keys
    model: dict[str, Any] = field(default_factory=dict)  # name, `_target_`, and its own keys
    augmentation: Augmentation | None = None  # of training images; null: none
    schedule: Schedule = field(default_factory=Schedule)  # of learning rate and batch size
    schedules: dict[str, Schedule] = field(default_factory=dict)  # several schedules by name, for grid.schedule
    optimizer: Optimizer = field(default_factory=Optimizer)  # what updates the weights
    grid: Grid = field(default_factory=Grid)  # which points are trained
    evaluation: Evaluation = field(default_factory=Evaluation)  # what is measured during training
    claims: Claims = field(default_factory=Claims)  # what the report decides
    papers: dict[str, Paper] = field(default_factory=dict)  # reported values, shown next to the measured ones
    training: Training = field(default_factory=Training)  # packing and resources; no result depends on it
    tracking: Tracking = field(default_factory=Tracking)  # where runs are logged
    precision: str | None = None  # of matrix products in training: tf32 or bf16; null: float32
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
    for measure in EPOCH_MEASURES:
        if evaluation[measure.key] is not None:
            measure.check(evaluation[measure.key])
    if evaluation["target"] is not None and not 0 < evaluation["target"] <= 1:
        raise ValueError(f"evaluation.target: {evaluation['target']} must lie above 0 and not above 1")


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


def _check_optimizer(optimizer: dict[str, Any]) -> None:
    name, own = optimizer["name"], optimizer_kind(optimizer).keys
    for key in dict.fromkeys(key for kind in OPTIMIZERS.values() for key in kind.keys if key not in own):
        if optimizer[key]:
            owners = ", ".join(other for other, kind in OPTIMIZERS.items() if key in kind.keys)
            raise ValueError(f"optimizer.{key}: {optimizer[key]} is a setting of {owners}; leave it out with {name}")
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
