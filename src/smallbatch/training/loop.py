"""The training loop of one block of replicas: same network, data, batch size and budget; own rate
and seed.

    θ_r <- θ_r - η̃_r · Σ_{i in batch_r} ∇ℓ_i        (Masters & Luschi 2018, equations 5 and 6)

computed as η = η̃·m on the mean gradient. See `training/optimizers/sgd.py` for momentum and decay,
`data/stream.py` for the batches, `schedules/` for rate, batch size and budget,
`training/checkpoint.py` for interruptions.

Where the batch size is chosen while training (`training/engines/adaptive.py`) an "update" below is
a round: every replica draws one more block of examples, and those that have gathered enough make
their update.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from smallbatch.core.errors import Stopped
from smallbatch.core.records import Fleet, Outcome
from smallbatch.data.read import Data
from smallbatch.measures.registry import asked_for
from smallbatch.schedules.course import is_adaptive, phases_between
from smallbatch.schedules.timetable import Epoch, Timetable
from smallbatch.training.checkpoint import NO_CHECKPOINT, CheckpointPolicy
from smallbatch.training.engines.adaptive import Adaptive
from smallbatch.training.engines.trainer import ReplicaTrainer
from smallbatch.training.history import Clock, EpochEnd, ReplicaHistory, Scores
from smallbatch.training.results import outcomes_of
from smallbatch.training.updates import augmenting, batches_of

CHUNK_SECONDS = 1.0  # of updates between two looks at the clock and at SIGTERM, at most
FIRST_CHUNK = 8  # updates, before their speed is known

OnEpochEnd = Callable[[list[ReplicaHistory], float], None]


@dataclass
class BlockState:
    """The progress of a block; together with the trainer's state, the content of a checkpoint."""

    replicas: list[ReplicaHistory]
    rows: list[int]  # which replica each row of the trainer is; those that diverged are dropped
    total: np.ndarray  # for each row the losses of the updates of the unfinished epoch, summed
    done: int = 0  # updates
    chunk: int = FIRST_CHUNK  # updates between two looks at the clock, by their speed so far

    @property
    def all_diverged(self) -> bool:
        return all(replica.diverged for replica in self.replicas)


def train_block(
    trainer: ReplicaTrainer,
    data: Data,
    fleet: Fleet,
    base_lr: list[float],
    seeds: list[int],
    on_epoch_end: OnEpochEnd | None = None,
    checkpoints: CheckpointPolicy = NO_CHECKPOINT,
) -> list[Outcome]:
    """Train the replicas of `trainer`, one for each of `seeds`, and return their outcomes.

    ``on_epoch_end(replicas, share)`` is called at every epoch's end with the share of the budget
    that is done. Raises Stopped, after a checkpoint, when ``checkpoints.stopping()``. Columns:
    docs/tables.md.
    """
    timetable = Timetable.of(fleet, len(data.train.labels))
    state, clock = begin(trainer, data, fleet, base_lr, seeds, checkpoints)
    checkpoint_if_due = CheckpointIfDue(trainer, state, clock, checkpoints)

    for epoch in timetable.epochs:
        if epoch.end <= state.done or state.all_diverged:
            continue
        lr = train_epoch(trainer, data, timetable, state, epoch, checkpoint_if_due)
        score_epoch(trainer, data, timetable, state, epoch, lr, clock)
        drop_diverged(trainer, state)
        state.total = np.zeros(len(state.rows))
        if on_epoch_end:
            on_epoch_end(state.replicas, epoch.end / timetable.updates)
            clock.skip()  # logging is not training
        if epoch.end < timetable.updates:
            checkpoint_if_due()

    final = {epoch.number for epoch in timetable.epochs if epoch.is_final}
    outcomes = outcomes_of(trainer, data, state.replicas, state.rows, final)
    clock.share()
    for replica, outcome in zip(state.replicas, outcomes, strict=True):
        outcome["summary"]["seconds"] = replica.seconds  # with those of the last evaluation
    return outcomes


def begin(
    trainer: ReplicaTrainer,
    data: Data,
    fleet: Fleet,
    base_lr: list[float],
    seeds: list[int],
    checkpoints: CheckpointPolicy,
) -> tuple[BlockState, Clock]:
    """The state of the block, from its checkpoint if there is one, and a clock that runs from here
    on."""
    if checkpoints.saved:
        state = restored(trainer, *checkpoints.saved)
        return state, Clock(state.replicas)
    replicas = [
        ReplicaHistory(seed, rate, fleet["batch_size"])
        for seed, rate in zip(seeds, base_lr, strict=True)
    ]
    state = BlockState(replicas, list(range(len(seeds))), np.zeros(len(seeds)))
    clock = Clock(replicas)
    score_start(trainer, data, state)
    return state, clock


def train_epoch(
    trainer: ReplicaTrainer,
    data: Data,
    timetable: Timetable,
    state: BlockState,
    epoch: Epoch,
    checkpoint_if_due: "CheckpointIfDue",
) -> np.ndarray:
    """Train from ``state.done`` to the end of `epoch`; returns the last update's rates
    ``[rows]``."""
    fleet, size = timetable.fleet, timetable.train_size
    replicas = [state.replicas[r] for r in state.rows]
    seeds = [replica.seed for replica in replicas]
    for phase in phases_between(timetable.phases, state.done, epoch.end):
        lr = timetable.rates([replica.base_lr for replica in replicas], phase.first, phase.stop)
        order = batches_of(phase, fleet, seeds, size)
        update = augmenting(trainer, data.train, fleet, seeds, order, phase.examples)
        # Updates go chunk by chunk, so that a checkpoint is never late and SIGTERM never waits
        # long.
        while state.done < phase.stop:
            begun = time.perf_counter()
            number = min(state.chunk, phase.stop - state.done)
            chunk = slice(state.done - phase.first, state.done - phase.first + number)
            update(chunk, lr[chunk], state.total)
            state.done += number
            speed = number / (time.perf_counter() - begun)
            state.chunk = max(
                1, int(speed * min(CHUNK_SECONDS, checkpoint_if_due.policy.seconds / 4))
            )
            if state.done < epoch.end:
                checkpoint_if_due()
    return lr[-1]


def score_start(trainer: ReplicaTrainer, data: Data, state: BlockState) -> None:
    """The scores of the initial weights, as epoch 0."""
    scores = scores_of(trainer, data)
    val_loss, val_correct = trainer.score(data.validation)
    for row, replica in enumerate(state.replicas):
        replica.begin(scores, float(val_loss[row]), float(val_correct[row].mean()), row)


def score_epoch(
    trainer: ReplicaTrainer,
    data: Data,
    timetable: Timetable,
    state: BlockState,
    epoch: Epoch,
    lr: np.ndarray,
    clock: Clock,
) -> None:
    """Evaluate the replicas at the end of an epoch, and add it to their histories."""
    running_loss = state.total / (epoch.end - epoch.start)
    val_loss, val_correct = trainer.score(data.validation)
    scores = scores_of(trainer, data) if epoch.is_scored else None
    is_finite = np.isfinite(running_loss) & trainer.finite()
    clock.share()  # before the diverged are known as such, so that they pay for the epoch in which they did
    columns = measured(trainer, data, timetable.fleet, state, epoch.number)
    updates, used = trainer.updates_made(epoch.end, epoch.examples)
    for row, r in enumerate(state.rows):
        replica = state.replicas[r]
        if replica.diverged:
            continue
        replica.end_epoch(
            EpochEnd(
                epoch=epoch.number,
                updates=int(updates[row]),
                examples=epoch.examples,
                used=int(used[row]),
                batch_size=None if is_adaptive(timetable.fleet) else epoch.batch_size,
                lr=float(lr[row]),
                running_loss=float(running_loss[row]),
                val_loss=float(val_loss[row]),
                val_accuracy=float(val_correct[row].mean()),
                is_finite=bool(is_finite[row]),
                scores=scores,
                row=row,
            )
        )
        replica.measured(columns[row])
        replica.measured({"smith_g": smith_g(replica, timetable, float(lr[row]))})
    clock.share()


def scores_of(trainer: ReplicaTrainer, data: Data) -> Scores:
    """A pass over all splits, with exact statistics of batch norm."""
    statistics = trainer.exact_statistics(data.train.images)
    train_loss, _ = trainer.score(data.train, statistics)
    val_loss, val_correct = trainer.score(data.validation, statistics)
    _, test_correct = trainer.score(data.test, statistics)
    return Scores(train_loss, val_loss, val_correct, test_correct)


def measured(
    trainer: ReplicaTrainer, data: Data, fleet: Fleet, state: BlockState, epoch: int
) -> list[dict[str, Any]]:
    """Columns of the history of each row: of the per-epoch measures that the study asks for
    (`measures/`), and `capped`."""
    replicas = [state.replicas[r] for r in state.rows]
    columns: list[dict[str, Any]] = [{} for _ in replicas]
    for measure in asked_for(fleet["evaluation"]):
        for of_replica, more in zip(
            columns, measure.measure(trainer, data, fleet, replicas, epoch), strict=True
        ):
            of_replica.update(more)
    if isinstance(trainer, Adaptive):
        for of_replica, capped in zip(columns, trainer.capped, strict=True):
            of_replica["capped"] = int(capped)
    return columns


def smith_g(replica: ReplicaHistory, timetable: Timetable, lr: float) -> float | None:
    """The noise scale εN/(B(1 - momentum)) of Smith et al. 2018 (arXiv 1711.00489, section 2), of
    SGD."""
    optimizer = timetable.fleet["optimizer"]
    if optimizer.get("name", "sgd") != "sgd":
        return None
    return lr * timetable.train_size / (replica.batch_size * (1 - optimizer["momentum"]))


def drop_diverged(trainer: ReplicaTrainer, state: BlockState) -> None:
    """Drop the rows of replicas that diverged: from here on they cost nothing."""
    end = len(state.rows) - trainer.padding
    diverged = [row for row, r in enumerate(state.rows) if row < end and state.replicas[r].diverged]
    alive = [row for row in range(len(state.rows)) if row not in diverged]
    # Two rows stay where there were two: kernels round differently for one replica than for
    # several.
    missing = max(0, min(2, len(state.replicas)) - len(alive))
    stay = sorted(alive + diverged[:missing])
    if alive and len(stay) < len(state.rows):
        trainer.load({name: array[stay] for name, array in trainer.state().items()})
        state.rows = [state.rows[row] for row in stay]


class CheckpointIfDue:
    """Save a checkpoint if one is due; stop if SIGTERM was received."""

    def __init__(
        self, trainer: ReplicaTrainer, state: BlockState, clock: Clock, policy: CheckpointPolicy
    ):
        self.trainer, self.state, self.clock, self.policy = trainer, state, clock, policy
        self.saved = time.monotonic()

    def __call__(self) -> None:
        stopping = self.policy.stopping()
        if stopping or time.monotonic() - self.saved >= self.policy.seconds:
            self.clock.share()
            self.policy.save(*state_of(self.trainer, self.state))
            self.saved = time.monotonic()
        if stopping:
            raise Stopped


def state_of(
    trainer: ReplicaTrainer, state: BlockState
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """All that `restored` needs: what JSON can hold, and arrays."""
    replicas = [replica.state() for replica in state.replicas]
    arrays = {f"trainer.{name}": array for name, array in trainer.state().items()}
    arrays["total"] = state.total
    arrays["val"] = np.stack([replica.val_correct for replica in state.replicas])
    arrays["test"] = np.stack([replica.test_correct for replica in state.replicas])
    return {"done": state.done, "rows": state.rows, "replicas": replicas}, arrays


def restored(
    trainer: ReplicaTrainer, saved: dict[str, Any], arrays: dict[str, np.ndarray]
) -> BlockState:
    """Bring `trainer` to where `state_of` found it."""
    prefix = "trainer."
    trainer.load(
        {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
    )
    kept = zip(saved["replicas"], arrays["val"], arrays["test"], strict=True)
    replicas = [ReplicaHistory.from_state(*of_replica) for of_replica in kept]
    return BlockState(replicas, saved["rows"], arrays["total"], saved["done"])
