"""What a study may say: every key, its type and unit.

The classes are Hydra's structured configs, so unknown keys and wrong types are refused when a study
is composed; `checks.check` refuses what types can't.
"""

from dataclasses import dataclass, field
from typing import Any

from smallbatch.config.claims import Claims, Paper
from smallbatch.measures.registry import MeasureKeys


@dataclass
class Arm:
    """Points beside the grid's own product. An axis that is null is the grid's."""

    batch_size: list[int] | None = (
        None  # a batch size that the grid leaves out is left out here too
    )
    norm: list[str] | None = None  # likewise, by kind (bn:4 is of the kind bn)
    schedule: list[str] | None = None  # names in `schedules`
    base_lr: list[Any] | None = None  # as grid.base_lr
    base_lr_at: dict[str, list[Any]] = field(default_factory=dict)  # as grid.base_lr_at
    scaling: str | None = None  # as grid.scaling
    budget: str | None = (
        None  # as grid.budget, or updates_of:M: as many updates as batch size M gets in the grid
    )


@dataclass
class Grid:
    """The axes of the grid; its points are their product, and the points of the arms."""

    batch_size: list[int] = field(default_factory=list)  # m: examples per update, 1 or more
    norm: list[str] = field(
        default_factory=lambda: ["none"]
    )  # none, bn (over the batch), bn:b (over b examples), gn
    base_lr: list[Any] = field(
        default_factory=list
    )  # η̃ = η/m: numbers, `2**-8`, or octaves `2**-10..2**-4`
    base_lr_at: dict[str, list[Any]] = field(
        default_factory=dict
    )  # replaces base_lr at m256, m256_none, m256_bn
    scaling: str | None = (
        None  # how η depends on m: linear (null: η̃ as listed), sqrt (η ∝ √m) or constant (η)
    )
    scaling_reference: int | None = (
        None  # the m at which base_lr is η̃ under sqrt and constant; null: 1
    )
    schedule: list[str] | None = (
        None  # names in `schedules`; null: the one in `schedule`; []: only those of the arms
    )
    budget: str = "epochs:10"  # epochs:E, updates:U or examples:X
    seeds: int = 10  # seeds 0 ... seeds - 1; 1 or more
    arms: dict[str, Arm] = field(
        default_factory=dict
    )  # points beside the product of these axes, by name


@dataclass
class Schedule:
    """Learning rate and batch size over training. Some keys belong to some schedules only."""

    name: str = (
        "step"  # constant, step, cosine, increase-batch; adaptive: ba-sgd, gradient-noise, cabs
    )
    drops: list[float] = field(default_factory=list)  # fractions of the budget, rising, in (0, 1)
    factor: float | None = (
        None  # of each drop: step multiplies the rate by it (< 1), increase-batch the batch (> 1)
    )
    increases: int | None = (
        None  # increase-batch: drops that increase the batch, later ones divide the rate; null: all
    )
    cap: float | None = (
        None  # increase-batch, adaptive: largest batch, as a share of the training images; null: 1
    )
    warmup: float | None = (
        None  # share of the budget over which the rate rises linearly; null: no warm-up
    )
    warmup_from: float | None = None  # the factor it rises from, in [0, 1); null: 0
    momentum: float | None = None  # replaces optimizer.momentum; null: optimizer.momentum
    sampling: str | None = (
        None  # epochs (null): every example once an epoch; fresh: each update draws from all
    )
    smoothing: float | None = (
        None  # gradient-noise, cabs: share of the old average that an update keeps; null: 0.95
    )
    scale: float | None = None  # gradient-noise: batch size divided by the noise scale; null: 1


@dataclass
class Augmentation:
    """Changes of training images, drawn by seed, epoch and example: the same at every batch
    size."""

    name: str = "crop-flip"  # crop-flip
    padding: int = 4  # pixels on each side, of which crops are drawn; 0: no crops
    flip: bool = True  # mirror half of the images, left to right


@dataclass
class Optimizer:
    """Some keys belong to one optimizer only."""

    name: str = "sgd"  # sgd or adamw
    momentum: float = 0.0  # sgd: in [0, 1)
    weight_decay: float = (
        0.0  # λ, per update; 0 or more. sgd: λθ is added to the gradient; adamw: ηλθ is subtracted
    )
    nesterov: bool | None = None  # sgd: Nesterov momentum; null: false
    beta1: float | None = None  # adamw: decay of the mean gradient, in [0, 1); null: 0.9
    beta2: float | None = None  # adamw: decay of the mean square, in [0, 1); null: 0.999
    half_life: float | None = (
        None  # adamw: replaces beta2; number of examples after which a square counts half
    )
    eps: float | None = None  # adamw: above 0; null: 1e-8


@dataclass
class Evaluation(MeasureKeys):
    """What is measured during training."""

    epochs: list[int] = field(
        default_factory=list
    )  # epochs scored in addition to epoch 0 and the last 6%
    target: float | None = (
        None  # validation accuracy of the figure updates_to_target; null: one that all reach
    )


@dataclass
class Tracking:
    """Where training runs are logged."""

    name: str = "mlflow"  # mlflow or none
    uri: str | None = None  # of a tracking server; null: the SQLite file results/mlflow.db


@dataclass
class Training:
    """How points are packed into jobs and what a job asks for. Results do not depend on it."""

    job_seconds: float = (
        20.0  # s: fleets shorter than this estimate share a job; starting a job takes some 3 s
    )
    images_per_second: float = 250_000.0  # speed of one core, used only for that estimate
    checkpoint_seconds: float = 10.0  # s between two checkpoints of a block that trains
    mem_mb: int | None = (
        None  # MB that a job asks for and stays within; null: the prediction with a margin
    )
    runtime: int | None = None  # minutes that a job asks for; null: predicted
    gpus: int = 0  # GPUs that a job asks for
    device: str | None = None  # cpu or cuda; null: a GPU if gpus is above 0 and there is one


@dataclass
class Config:
    """The keys at the top of a study."""

    title: str = ""  # of the report
    description: str = ""  # the question of the study, in a sentence or two
    dataset: dict[str, Any] = field(
        default_factory=dict
    )  # name, `_target_`, shape, classes, sizes, and its own keys
    model: dict[str, Any] = field(default_factory=dict)  # name, `_target_`, and its own keys
    augmentation: Augmentation | None = None  # of training images; null: none
    schedule: Schedule = field(default_factory=Schedule)  # of learning rate and batch size
    schedules: dict[str, Schedule] = field(
        default_factory=dict
    )  # several schedules by name, for grid.schedule
    optimizer: Optimizer = field(default_factory=Optimizer)  # what updates the weights
    grid: Grid = field(default_factory=Grid)  # which points are trained
    evaluation: Evaluation = field(default_factory=Evaluation)  # what is measured during training
    claims: Claims = field(default_factory=Claims)  # what the report decides
    papers: dict[str, Paper] = field(
        default_factory=dict
    )  # reported values, shown next to the measured ones
    training: Training = field(
        default_factory=Training
    )  # packing and resources; no result depends on it
    tracking: Tracking = field(default_factory=Tracking)  # where runs are logged
    precision: str | None = None  # of matrix products in training: tf32 or bf16; null: float32
    accept_code: list[str] = field(
        default_factory=list
    )  # digests of older training code whose results still hold
