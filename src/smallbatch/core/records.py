"""The records that pass between planning, training and reporting. JSON can hold all of them.

A plan is JSON on disk, so these are dictionaries with known keys. A key that may be missing is
`NotRequired`: what is null in a study is left out of its fleets, so that a new option whose default
is null changes no digest (`planning/plan.py`).
"""

from typing import Any, NotRequired, TypedDict

Point = tuple[float, int]  # base learning rate η̃ and seed: with its fleet, what one training run is
Option = tuple[
    str, int
]  # an engine (one of `training/engines/limits.py: WAYS`), and how many replicas train at once
StudyConfig = dict[
    str, Any
]  # a composed and checked study, with the keys of `config/schema.py: Config`
EngineBytes = dict[
    str, float
]  # what a network takes in one engine (`resources/memory_model.py` says which numbers)
NetworkBytes = dict[str, EngineBytes]  # the same by engine
Networks = dict[
    tuple[str, int | None], NetworkBytes | None
]  # of norms and BN batch sizes; None where it isn't known

# --- a fleet: all that the results of its points depend on, but η̃, seed and code ----------------------------------


class DatasetSettings(TypedDict):
    name: str
    _target_: str  # the function that loads it; keys of its own follow
    shape: list[int]  # channels, height, width
    classes: int
    sizes: dict[str, int]  # images in train, validation and test


class ModelSettings(TypedDict):
    name: str
    _target_: str  # the class; keys of its own follow


class OptimizerSettings(TypedDict):
    name: str
    momentum: float
    weight_decay: float
    nesterov: NotRequired[bool | None]
    beta1: NotRequired[float]
    beta2: NotRequired[float]
    half_life: NotRequired[float]  # examples, in place of beta2
    eps: NotRequired[float]


class ScheduleSettings(TypedDict):
    name: str
    drops: NotRequired[list[float]]  # fractions of the budget
    factor: NotRequired[float]  # of each drop
    increases: NotRequired[int]
    cap: NotRequired[float]  # the largest batch, as a share of the training images
    warmup: NotRequired[float]  # share of the budget
    warmup_from: NotRequired[float]
    momentum: NotRequired[float]  # in place of the optimizer's
    sampling: NotRequired[str | None]  # epochs or fresh
    smoothing: NotRequired[float]
    scale: NotRequired[float]


class AugmentationSettings(TypedDict):
    name: str
    padding: int  # pixels
    flip: bool


class EvaluationSettings(TypedDict):
    epochs: list[int]  # that are scored besides the first and the last ones
    noise_scale: NotRequired[float]  # share of the training images


class Fleet(TypedDict):
    """What the points of a fleet share. Its digest is part of theirs (`identity.py`)."""

    dataset: DatasetSettings
    model: ModelSettings
    optimizer: OptimizerSettings
    schedule: ScheduleSettings
    evaluation: EvaluationSettings
    batch_size: int  # m: examples of an update, of the first one where the schedule changes it
    norm: str  # none, bn or gn
    updates: int  # in all; rounds where the replicas choose their batch sizes
    bn_batch_size: NotRequired[
        int | None
    ]  # b: examples that batch norm normalises together; a divisor of m
    examples: NotRequired[int | None]  # in all, where the schedule says how they make updates
    augmentation: NotRequired[AugmentationSettings]
    precision: NotRequired[str]  # tf32 or bf16


# --- plans ----------------------------------------------------------------------------------------------------------


class PointBlock(TypedDict):
    """Every η̃ with every seed."""

    base_lr: list[float]
    seeds: list[int]


class JobFleet(TypedDict):
    """A fleet's part in a job."""

    fleet: Fleet
    points: list[PointBlock]  # no point twice
    budget: str  # the names of the first row of the study that the fleet comes from
    schedule: str


class Resources(TypedDict):
    """What a job asks a scheduler for, and what it knows of its memory."""

    seconds: int  # an estimate, by which the longest job goes first
    mem_mb: int
    runtime: int  # minutes, a bound
    gpu: int
    limit_mb: int | None  # training.mem_mb of the study, which a job keeps to
    networks: list[NetworkBytes | None]  # of each fleet of the job; None where it isn't known


class JobContent(TypedDict):
    """What a job is: its name ends in the digest of this."""

    code: str  # digest of the training code
    accept_code: list[str]  # digests of older code whose results still hold
    folder: str | None  # the user's conf folder
    data: str  # name of the prepared data set
    tracking: dict[str, Any] | None  # the study's `tracking` and its name, or None
    checkpoint_seconds: float  # between two checkpoints of a block
    device: str | None
    fleets: list[JobFleet]


class Job(JobContent):
    """A planned job: ``results/plan/<job>.json``."""

    resources: Resources


class Setting(TypedDict):
    """A setting in a budget of a study."""

    batch_size: int
    norm: str
    bn_batch_size: int | None
    schedule: str
    updates: int
    fleet: str  # the slug by which its points are found


class BudgetSettings(TypedDict):
    budget: str
    settings: list[Setting]


class GridRow(TypedDict):
    """A setting of the grid with its rates, as `grid.expand` makes them."""

    path: str  # the key of the study that it comes from
    budget: str
    schedule: str  # its name
    course: dict[str, Any]  # what the schedule stands for, but its momentum
    momentum: float
    batch_size: int
    norm: str
    bn_batch_size: int | None
    updates: int
    examples: int | None
    base_lr: list[float]
    seeds: int  # how many


class PlannedClaim(TypedDict):
    """A claim of a study (`config/claims.py: Claim`), with its name, and budget, delta and margin
    filled in."""

    claim: str
    test: str
    statement: str
    source: str
    cite: str | None
    norm: str | None
    budget: str
    limit: Any  # this and the following: int or str where the test needs it, otherwise None
    up_to: Any
    reference: Any
    schedule: Any
    against: Any
    batch_size: Any
    delta: float
    margin: float


class StudyPlan(TypedDict):
    """What tables, figures and page need to know of a study:
    ``results/plan/<study>-<digest>.study.json``."""

    study: str  # its name
    overrides: list[str]  # that it was composed with
    given: list[str]  # the overrides that a user gave, to rebuild the report
    title: str
    description: str
    config: StudyConfig
    folder: str | None
    code: str
    data: str
    budgets: list[BudgetSettings]
    claims: list[PlannedClaim]
    papers: list[dict[str, Any]]
    points: int
    fleets: int
    jobs: list[str]
    gaps: NotRequired[int]  # points that were missing when the study was collected with gaps


class DataPlan(TypedDict):
    """A data set to prepare: ``results/plan/<data>.data.json``."""

    dataset: dict[str, Any]
    code: str
    folder: str | None


# --- results --------------------------------------------------------------------------------------------------------


class Summary(TypedDict, total=False):
    """What a trained point came to: a row of `schemas.SUMMARY`, whose columns are described
    there."""

    point: str  # digest
    dataset: str
    model: str
    augmentation: str
    optimizer: str
    batch_size: int
    base_lr: float
    lr: float
    norm: str
    bn_batch_size: int | None
    updates_planned: int
    seed: int
    status: str  # completed, untrained or diverged; training where it is logged before its end
    epochs: int
    updates: int
    examples: int
    train_loss: float | None
    val_loss: float | None
    val_accuracy: float
    test_accuracy: float
    test_accuracy_median: float
    val_accuracy_running: float
    test_accuracy_running: float
    test_accuracy_population: float
    val_accuracy_guess: float
    test_accuracy_guess: float
    seconds: float
    fleet: str
    engine: str | None
    code: str
    data: str
    settings: str
    flops: float | None
    commit: str
    versions: str
    processor: str
    budget: str  # of the study, for MLflow alone
    schedule: str


class HistoryRow(TypedDict, total=False):
    """An epoch of a replica: a row of `schemas.EPOCH` without its point. Epoch 0 is the start.

    Measures that a study asks for add columns of their own (`measures/registry.py`).
    """

    epoch: int
    updates: int
    examples: int
    batch_size: int
    lr: float | None
    train_loss_running: float | None
    val_loss: float
    val_accuracy: float
    train_loss: float | None  # this and the next where the epoch was scored
    test_accuracy: float | None
    time: int  # milliseconds since 1970
    seconds: float
    smith_g: float | None
    capped: int


class Outcome(TypedDict):
    """What training leaves of a point."""

    summary: Summary
    history: list[HistoryRow]
    correct: bytes  # whether each test image was right at the end, eight to a byte


LoggedPoint = tuple[Summary, list[HistoryRow]]  # as MLflow gets it


class JobCost(TypedDict):
    """What a job took: ``results/jobs/<job>/cost.json``."""

    points: int
    trained: int
    loop_seconds: float
    started: float  # seconds since 1970
    ended: float
    peak_mb: NotRequired[int]  # of those that trained something
    predicted_mb: NotRequired[int | None]
