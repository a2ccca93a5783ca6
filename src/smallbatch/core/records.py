"""The records that planning, training and reporting exchange.

A plan is a JSON file, so the records are dictionaries with known keys. A `NotRequired` key can be
missing: a fleet has no keys that are null in its study, so that a new option with default null
changes no digest (`planning/plan.py`).
"""

from typing import Any, NotRequired, TypedDict

Point = tuple[float, int]  # base learning rate η̃ and seed; with a fleet, they define a run
# An engine (one of `training/engines/limits.py: WAYS`) and the number of replicas per block.
Option = tuple[str, int]
# A composed and validated study, with the keys of `config/schema.py: Config`.
StudyConfig = dict[str, Any]
# Memory of a network in one engine (numbers: see `resources/memory_model.py`).
EngineBytes = dict[str, float]
NetworkBytes = dict[str, EngineBytes]  # the same by engine
# By norm and BN batch size; None if unknown.
Networks = dict[tuple[str, int | None], NetworkBytes | None]

# --- a fleet: everything that its points' results depend on, except η̃, seed and code -------------


class DatasetSettings(TypedDict):
    name: str
    _target_: str  # the function that loads it; its arguments are further keys
    shape: list[int]  # channels, height, width
    classes: int
    sizes: dict[str, int]  # images in train, validation and test


class ModelSettings(TypedDict):
    name: str
    _target_: str  # the class; its arguments are further keys


class OptimizerSettings(TypedDict):
    name: str
    momentum: float
    weight_decay: float
    nesterov: NotRequired[bool | None]
    beta1: NotRequired[float]
    beta2: NotRequired[float]
    half_life: NotRequired[float]  # in examples; replaces beta2
    eps: NotRequired[float]


class ScheduleSettings(TypedDict):
    name: str
    drops: NotRequired[list[float]]  # as fractions of the budget
    factor: NotRequired[float]  # of each drop
    increases: NotRequired[int]
    cap: NotRequired[float]  # the largest batch, as a share of the training images
    warmup: NotRequired[float]  # as a share of the budget
    warmup_from: NotRequired[float]
    momentum: NotRequired[float]  # overrides the optimizer's
    sampling: NotRequired[str | None]  # epochs or fresh
    smoothing: NotRequired[float]
    scale: NotRequired[float]


class AugmentationSettings(TypedDict):
    name: str
    padding: int  # in pixels
    flip: bool


class EvaluationSettings(TypedDict):
    epochs: list[int]  # scored in addition to the first and the final epochs
    noise_scale: NotRequired[float]  # as a share of the training images


class Fleet(TypedDict):
    """Settings shared by the points of a fleet; part of each point's digest (`identity.py`)."""

    dataset: DatasetSettings
    model: ModelSettings
    optimizer: OptimizerSettings
    schedule: ScheduleSettings
    evaluation: EvaluationSettings
    batch_size: int  # m: examples per update (of the first, if the schedule changes it)
    norm: str  # none, bn or gn
    updates: int  # total; rounds if the replicas choose their batch sizes
    # b: examples that batch norm normalises together; a divisor of m.
    bn_batch_size: NotRequired[int | None]
    examples: NotRequired[int | None]  # total, if the schedule divides them into updates
    augmentation: NotRequired[AugmentationSettings]
    precision: NotRequired[str]  # tf32 or bf16


# --- plans ----------------------------------------------------------------------------------------


class PointBlock(TypedDict):
    """All combinations of η̃ and seed."""

    base_lr: list[float]
    seeds: list[int]


class JobFleet(TypedDict):
    """The points of one fleet in a job."""

    fleet: Fleet
    points: list[PointBlock]  # without duplicates
    budget: str  # this and the schedule's name: of the fleet's first row in the study
    schedule: str


class Resources(TypedDict):
    """Resources that a job requests from a scheduler, and its memory estimates."""

    seconds: int  # an estimate, used to run the longest job first
    mem_mb: int
    runtime: int  # upper bound in minutes
    gpu: int
    limit_mb: int | None  # training.mem_mb of the study: the job's memory limit
    networks: list[NetworkBytes | None]  # one per fleet of the job; None if unknown


class JobContent(TypedDict):
    """The content of a job. Its digest is the end of the job's name."""

    code: str  # digest of the training code
    accept_code: list[str]  # digests of older code with results that remain valid
    folder: str | None  # the user's conf folder
    data: str  # name of the prepared data set
    tracking: dict[str, Any] | None  # the study's `tracking` and its name, or None
    checkpoint_seconds: float  # between checkpoints of a block
    device: str | None
    fleets: list[JobFleet]


class Job(JobContent):
    """A planned job: ``results/plan/<job>.json``."""

    resources: Resources


class Setting(TypedDict):
    """One setting in a budget of a study."""

    batch_size: int
    norm: str
    bn_batch_size: int | None
    schedule: str
    updates: int
    fleet: str  # slug of the fleet that contains its points


class BudgetSettings(TypedDict):
    budget: str
    settings: list[Setting]


class GridRow(TypedDict):
    """A setting of the grid with its rates, as returned by `grid.expand`."""

    path: str  # key of the study that defines it
    budget: str
    schedule: str  # its name
    course: dict[str, Any]  # the schedule's settings, except momentum
    momentum: float
    batch_size: int
    norm: str
    bn_batch_size: int | None
    updates: int
    examples: int | None
    base_lr: list[float]
    seeds: int  # number of seeds


class PlannedClaim(TypedDict):
    """A claim of a study (`config/claims.py: Claim`) with its name and with defaults filled in for
    budget, delta and margin."""

    claim: str
    test: str
    statement: str
    source: str
    cite: str | None
    norm: str | None
    budget: str
    limit: Any  # this and the next five: int or str if the test needs it, otherwise None
    up_to: Any
    reference: Any
    schedule: Any
    against: Any
    batch_size: Any
    delta: float
    margin: float


class StudyPlan(TypedDict):
    """The plan of a study for tables, figures and report:
    ``results/plan/<study>-<digest>.study.json``."""

    study: str  # its name
    overrides: list[str]  # applied when it was composed
    given: list[str]  # the user's overrides, for rebuilding the report
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


# --- results --------------------------------------------------------------------------------------


class Summary(TypedDict, total=False):
    """Results of a trained point: a row of `schemas.SUMMARY`, which describes the columns."""

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
    status: str  # completed, untrained or diverged; training if logged before its end
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
    budget: str  # of the study; for MLflow only
    schedule: str


class HistoryRow(TypedDict, total=False):
    """One epoch of a replica: a row of `schemas.EPOCH` without the point. Epoch 0 is the start.

    Measures that a study enables add columns (`measures/registry.py`).
    """

    epoch: int
    updates: int
    examples: int
    batch_size: int
    lr: float | None
    train_loss_running: float | None
    val_loss: float
    val_accuracy: float
    train_loss: float | None  # this and test_accuracy: only if the epoch was scored
    test_accuracy: float | None
    time: int  # milliseconds since 1970
    seconds: float
    smith_g: float | None
    capped: int


class Outcome(TypedDict):
    """Everything that training stores of a point."""

    summary: Summary
    history: list[HistoryRow]
    correct: bytes  # one bit per test image: classified correctly at the end


LoggedPoint = tuple[Summary, list[HistoryRow]]  # a point as logged to MLflow


class JobCost(TypedDict):
    """Time and memory of a job: ``results/jobs/<job>/cost.json``."""

    points: int
    trained: int
    loop_seconds: float
    started: float  # seconds since 1970
    ended: float
    peak_mb: NotRequired[int]  # only if the job trained a point
    predicted_mb: NotRequired[int | None]
