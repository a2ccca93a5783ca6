"""Predict the memory of a job from a few numbers of its networks, without torch.

The numbers of a network are bytes for each engine that can train it (`memory_trace.py` measures
them):

    weights          parameters and buffers of one replica
    start, example   an update needs another start + m·example per replica (compiled: in total)
    slice            memory per example of an evaluation slice, per replica (compiled: in total)

The constants in megabytes were measured with torch 2.13 on Linux;
`tests/unit/resources/test_footprint.py` measures whole jobs.
"""

import math

from smallbatch.core.records import Fleet, NetworkBytes, OptimizerSettings, Option, Point
from smallbatch.measures.registry import asked_for
from smallbatch.schedules.course import is_adaptive, largest_step, phases_of
from smallbatch.training.engines.limits import (
    PROBE_WIDTHS,
    WAYS,
    padding_replicas,
    piece_of,
    widths,
)
from smallbatch.training.engines.limits import WIDEST as WIDEST_ON
from smallbatch.training.optimizers.kinds import optimizer_kind

MEGABYTE = 1e6
# GPU memory is not predicted: engines that do not fit are left out when engines are timed.
WIDEST = WIDEST_ON["cpu"]
PROGRAM = 325  # Python, pyarrow, torch and Numba imported
KERNELS = 95  # the compiled step, loaded from the cache folder
COMPILER = 105  # memory that remains in use after compiling it, if it was not cached
# Imports of torch to trace the forward of a network that cannot be compiled
# (`training/engines/sharing.py`).
WATCH = 85
TRACKING = 140  # MLflow, imported when points are logged
MODULES = 70  # imports and setup of torch in its first updates
HEAP = 1.15  # memory held by the C library relative to allocations, if their sizes vary
MARGIN = 1.15  # requested memory relative to predicted memory
KEPT_ORDERS = 512  # permutations that `data/stream.py` caches
# Examples in a slice of an evaluation (`training/scoring.py`). The compiled step limits the bytes
# of a slice instead (`training/engines/compiled/trainer.py`). A slice has at least one BN batch.
SLICE = 64
SLICE_BYTES = 2**19
IMAGES = 1024  # images augmented at once, if an update has no more (`data/augment.py`)
SCRATCH = 2  # memory relative to what torch reports: convolution libraries keep copies


def options(numbers: NetworkBytes, m: int, most: int = WIDEST) -> list[Option]:
    """The (engine, width) candidates of `training/engines/choose.py`."""
    return [(way, width) for way in WAYS if way in numbers for width in widths(way, m, most)]


def peak(
    numbers: NetworkBytes,
    fleet: Fleet,
    points: list[Point],
    most: int = WIDEST,
    chosen: Option | None = None,
    tracked: bool = False,
    compiling: bool = False,
) -> float:
    """Peak resident memory, in MB, of a job that trains `points` (η̃, seed) of a fleet, at most
    `most` at once.

    `chosen` is the (engine, width) if known; otherwise the job times all candidates, and the
    largest memory counts. `tracked`: points are logged. `compiling`: the compiled step is not in
    the machine's cache yet.
    """
    imported = KERNELS + COMPILER * compiling if "compiled" in numbers else WATCH
    program = PROGRAM + MODULES + TRACKING * tracked + imported
    at = (
        [chosen]
        if chosen
        else options(numbers, piece_of(largest_step(fleet), fleet.get("bn_batch_size")), most)
    )
    phases = [
        HEAP * _check(way, numbers, fleet, most)
        for way in numbers
        if way not in ("groups", "vmap") or most > 1
    ]
    phases += (
        [_train(way, numbers, fleet, min(width, len(points))) for way, width in at]
        if points
        else []
    )
    phases += [_timing(at, numbers, fleet)] if len(at) > 1 else []
    return (
        program + (_data(fleet, {seed for _, seed in points}) + max(phases, default=0)) / MEGABYTE
    )


def fitting(
    numbers: NetworkBytes,
    fleet: Fleet,
    points: list[Point],
    limit: float,
    tracked: bool = False,
    compiling: bool = False,
) -> int:
    """The largest number of replicas at once, up to WIDEST, with `peak` of at most `limit` MB; 0 if
    not even one fits."""
    low, high = 0, WIDEST + 1  # `low` fits, `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        fits = peak(numbers, fleet, points, middle, tracked=tracked, compiling=compiling) <= limit
        low, high = (middle, high) if fits else (low, middle)
    return low


def _data(fleet: Fleet, seeds: set[int]) -> float:
    """Images in single precision, labels, and the cached permutations of the seeds."""
    sizes = fleet["dataset"]["sizes"]
    orders = min(KEPT_ORDERS, math.ceil(phases_of(fleet)[-1].end / sizes["train"]) * len(seeds))
    return (
        sum(sizes.values()) * (4 * math.prod(fleet["dataset"]["shape"]) + 8)
        + orders * sizes["train"] * 8
    )


def _held(way: str, numbers: NetworkBytes, fleet: Fleet, replicas: int) -> float:
    """Memory of an idle trainer."""
    found = replicas * numbers[way]["weights"] * _copies(fleet["optimizer"])
    return found + (_step(way, numbers, largest_in(fleet), 1) + _slice(way, numbers, fleet)) * (
        way == "compiled"
    )


def _copies(optimizer: OptimizerSettings) -> int:
    """Numbers stored per weight: the weight itself and the optimizer's state."""
    return 1 + optimizer_kind(optimizer).state_per_weight(optimizer)


def _moments(way: str, numbers: NetworkBytes, fleet: Fleet, replicas: int) -> float:
    """Memory of the sums of moments of each replica, plus that of one block or of a per-epoch
    measure."""
    weights = numbers[way]["weights"]
    sums = 2 * replicas * weights if is_adaptive(fleet) else 0
    block = 3 * largest_in(fleet) * weights if is_adaptive(fleet) and way != "compiled" else 0
    gradients = max((measure.gradients for measure in asked_for(fleet["evaluation"])), default=0)
    measured = 2 * gradients * weights * (1 if way == "compiled" else replicas)
    return sums + max(block, measured)


def largest_in(fleet: Fleet) -> int:
    """The largest number of examples that a fleet processes at once, to train or to measure."""
    measured = [
        measure.batch(fleet, fleet["dataset"]["sizes"]["train"])
        for measure in asked_for(fleet["evaluation"])
    ]
    return max(
        piece_of(size, fleet.get("bn_batch_size")) for size in (*measured, largest_step(fleet))
    )


def _step(way: str, numbers: NetworkBytes, m: int, replicas: int) -> float:
    """Memory of one update in addition to an idle trainer (that of `compiled` is part of the
    trainer)."""
    one = numbers[way]
    return replicas * max(one["start"] + m * one["example"], one["weights"])


def _slice(way: str, numbers: NetworkBytes, fleet: Fleet) -> float:
    """Memory of one slice of an evaluation, per replica."""
    one, b = numbers[way]["slice"], fleet.get("bn_batch_size") or 1
    return one * max(b, SLICE_BYTES // one if way == "compiled" else SLICE)


def _train(way: str, numbers: NetworkBytes, fleet: Fleet, replicas: int) -> float:
    """Peak memory of a block: in updates, in an evaluation, or while its state is copied for a
    checkpoint."""
    m, dataset = largest_in(fleet), fleet["dataset"]
    replicas_in_all = replicas + padding_replicas(way, replicas, m * dataset["classes"])
    held, size = (
        _held(way, numbers, fleet, replicas_in_all) + _augmented(fleet, replicas_in_all * m),
        dataset["sizes"]["train"],
    )
    held += _moments(way, numbers, fleet, replicas_in_all)
    orders = 2 * replicas_in_all * size * 8  # for one epoch
    state = 3 * replicas_in_all * numbers[way]["weights"] * _copies(fleet["optimizer"])
    if way == "compiled":
        return held + max(orders, replicas_in_all * size * 13, state)
    logits = replicas_in_all * size * (8 * dataset["classes"] + 28)
    step = _step(way, numbers, m, replicas_in_all)
    return held + max(
        HEAP * step + orders, replicas_in_all * _slice(way, numbers, fleet) + logits, state
    )


def _augmented(fleet: Fleet, examples: int) -> float:
    """Memory of the images that are augmented at once (`data/augment.py`) and of their pixel
    indices."""
    channels, height, width = fleet["dataset"]["shape"]
    return (
        max(IMAGES, examples) * height * width * (4 * channels + 18)
        if fleet.get("augmentation")
        else 0
    )


def _check(way: str, numbers: NetworkBytes, fleet: Fleet, most: int) -> float:
    """Memory of the comparison of an engine with separate modules
    (`training/engines/equivalence.py`, `training/engines/compiled/verify.py`)."""
    m = largest_in(fleet)
    apart = _step("separate", numbers, m, 1)
    if way == "compiled":
        # The comparison is in double precision; includes memory that the heap retains.
        return _held(way, numbers, fleet, 1) + 3 * apart
    if way.startswith("separate"):
        # Two traced updates (`training/engines/sharing.py`), and memory that the heap retains.
        return 2.25 * apart
    most = widths(way, m, most)[0]
    widest = max(
        [
            width
            for width in PROBE_WIDTHS
            if width <= most + padding_replicas(way, 2, m * fleet["dataset"]["classes"])
        ],
        default=2,
    )
    return SCRATCH * max(
        2 * (_step(way, numbers, m, 1) + apart),  # two replicas in double precision
        _step(way, numbers, m, widest) + 2 * widest * numbers[way]["weights"],
        widest * _slice(way, numbers, fleet),
    )


def _timing(at: list[Option], numbers: NetworkBytes, fleet: Fleet) -> float:
    """Memory of the trainers of all candidates, with one of them in an update."""
    trainers = [(way, 1 if way == "compiled" else width) for way, width in at]
    held = sum(_held(way, numbers, fleet, width) for way, width in trainers)
    steps = [
        _step(way, numbers, largest_in(fleet), width)
        for way, width in trainers
        if way != "compiled"
    ]
    return held + max(steps, default=0)
