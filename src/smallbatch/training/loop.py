"""The training loop of one block of replicas: same network, data, batch size and budget; own rate and seed.

    θ_r <- θ_r - η̃_r · Σ_{i in batch_r} ∇ℓ_i        (Masters & Luschi 2018, equations 5 and 6)

computed as η = η̃·m on the mean gradient. See `training/sgd.py` for momentum and decay,
`data/stream.py` for the batches, `schedules/` for rate, batch size and budget, `training/checkpoint.py` for interruptions.

Where the batch size is chosen while training (`training/adaptive.py`) an "update" below is a round: every replica
draws one more block of examples, and those that have gathered enough make their update.
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from smallbatch.data.augment import Augmented, moves_in
from smallbatch.data.read import Data, Split
from smallbatch.data.stream import fresh, stream
from smallbatch.errors import Stopped
from smallbatch.measures.batches import BATCHES, small_batch
from smallbatch.measures.noise_scale import noise_scale
from smallbatch.schedules.budget import final_epochs
from smallbatch.schedules.course import course, epoch_ends, examples_at, is_adaptive, rate_factors, runs
from smallbatch.training.checkpoint import UNKEPT, Keep
from smallbatch.training.record import Clock, Record

STRETCH_SECONDS = 1.0  # of updates between two looks at the clock and at SIGTERM, at most
FIRST_STRETCH = 8  # updates, before their speed is known
MEASURED = 2**32 - 2  # tells what is drawn for measuring from what is drawn for training


@dataclass
class Standing:
    """Where a block stands: with the trainer's state all that a checkpoint holds."""

    records: list[Record]  # one for each replica
    rows: list[int]  # which replica each row of the trainer is; those that diverged leave
    total: np.ndarray  # for each row the losses of the updates of the unfinished epoch, summed
    done: int = 0  # updates
    stretch: int = FIRST_STRETCH  # updates between two looks at the clock, by their speed so far


def train_block(
    trainer, data: Data, fleet: dict, base_lr: list[float], seeds: list[int], watch=None, keep: Keep = UNKEPT
) -> list[dict]:
    """Train the replicas of `trainer` and return for each ``{"summary", "history", "correct"}``.

    `trainer` holds ``len(seeds)`` replicas (`training/compiled/`, `training/modules.py`). `fleet` is the part of a plan that
    replicas share. `watch(records, share)` is called at every epoch's end with the share of the budget that is done.
    Raises Stopped, after a checkpoint, when ``keep.stopping()``. Column meanings: README.
    """
    stretches, size = course(fleet), len(data.train.labels)
    ends, updates = epoch_ends(stretches, size), fleet["updates"]
    final = final_epochs([epoch for epoch, _ in ends])
    scored = set(final) | set(fleet["evaluation"]["epochs"])

    if keep.saved:
        at = restored(trainer, *keep.saved)
        clock = Clock(at.records)
    else:
        records = [Record(seed, rate, fleet["batch_size"]) for seed, rate in zip(seeds, base_lr, strict=True)]
        at = Standing(records, [], np.zeros(len(seeds)))
        at.rows = list(range(len(seeds)))
        clock = Clock(at.records)
        start_scores = score_epoch(trainer, data)
        val_loss, val_correct = trainer.score(data.validation)
        for row, record in enumerate(at.records):
            record.begin(start_scores, float(val_loss[row]), val_correct[row], row)
    saved = time.monotonic()

    def offer() -> None:
        """A moment at which training can be interrupted: a checkpoint if one is due."""
        nonlocal saved
        stopping = keep.stopping()
        if stopping or time.monotonic() - saved >= keep.seconds:
            clock.share()
            keep.save(*state_of(trainer, at))
            saved = time.monotonic()
        if stopping:
            raise Stopped

    start = 0
    for epoch, end in ends:
        if end > at.done and not all(record.diverged for record in at.records):
            lr = train_epoch(trainer, data, fleet, stretches, at, end, min(STRETCH_SECONDS, keep.seconds / 4), offer)
            running = at.total / (end - start)
            val_loss, val_correct = trainer.score(data.validation)
            scores = score_epoch(trainer, data) if epoch in scored else None
            finite = np.isfinite(running) & trainer.finite()
            clock.share()  # before the diverged leave, so that they pay for the epoch in which they did
            examples = examples_at(stretches, end)
            made, spent = trainer.updates_made(end, examples)
            noise = measured(trainer, data, fleet, at, epoch) if fleet["evaluation"].get("noise_scale") else None
            batch_size = None if is_adaptive(fleet) else runs(stretches, end - 1, end)[0].batch_size
            for row, r in enumerate(at.rows):
                if not at.records[r].diverged:
                    at.records[r].end_epoch(
                        *(epoch, int(made[row]), examples, int(spent[row])),
                        *(batch_size, float(lr[row]), float(running[row])),
                        *(float(val_loss[row]), val_correct[row], scores, row, bool(finite[row])),
                        noise and noise[row],
                    )
                    if is_adaptive(fleet):
                        at.records[r].history[-1]["capped"] = int(trainer.capped[row])
                    at.records[r].history[-1]["smith_g"] = smith_g(at.records[r], fleet, size, float(lr[row]))
            clock.share()
            trim(trainer, at)
            at.total = np.zeros(len(at.rows))
            if watch:
                watch(at.records, end / updates)
                clock.last = time.perf_counter()  # logging is not training
            if end < updates:
                offer()
        start = end
    results = finish(trainer, data, at, final)
    clock.share()
    for record, result in zip(at.records, results, strict=True):
        result["summary"]["seconds"] = record.seconds
    return results


def train_epoch(trainer, data: Data, fleet: dict, stretches: list, at: Standing, end: int, seconds: float, offer):
    """Train from ``at.done`` to the update `end`, `offer()` after about every `seconds`; returns the last rates ``[rows]``."""
    records = [at.records[r] for r in at.rows]
    base_lr, seeds = [record.base_lr for record in records], [record.seed for record in records]
    size, is_fresh = len(data.train.labels), fleet["schedule"].get("sampling") == "fresh"
    for run in runs(stretches, at.done, end):
        lr = learning_rates(base_lr, fleet, run.first, run.stop)
        number, m = run.stop - run.first, run.batch_size
        if is_fresh and not is_adaptive(fleet):  # an adaptive rule draws for itself
            order = fresh_batches(seeds, m, size, run.first, number)
        else:
            order = batches(seeds, m, size, run.examples, number)
        update = augmenting(trainer, data.train, fleet, seeds, order, run.examples)
        while at.done < run.stop:
            begun = time.perf_counter()
            number = min(at.stretch, run.stop - at.done)
            part = slice(at.done - run.first, at.done - run.first + number)
            update(part, lr[part], at.total)
            at.done += number
            at.stretch = max(1, int(number / (time.perf_counter() - begun) * seconds))
            if at.done < end:
                offer()
    return lr[-1]


def augmenting(trainer, train: Split, fleet: dict, seeds: list[int], order: np.ndarray, seen: int):
    """``update(part, lr, total)`` for a part of the updates whose examples are `order`; `seen` were seen before them."""
    augmentation, (replicas, updates, m) = fleet.get("augmentation"), order.shape
    if not augmentation:
        return lambda part, lr, total: trainer.update(train, np.ascontiguousarray(order[:, part]), lr, total)
    moves = [moves_in(seed, len(train.labels), seen, seen + updates * m, augmentation) for seed in seeds]
    moves = np.stack(moves).reshape(replicas, updates, m, 3)
    augmented = Augmented(train, augmentation["padding"], replicas * m)
    at_once = augmented.at_once // (replicas * m)  # updates

    def update(part: slice, lr: np.ndarray, total: np.ndarray) -> None:
        for start in range(part.start, part.stop, at_once):
            piece = slice(start, min(start + at_once, part.stop))
            rates = lr[start - part.start : piece.stop - part.start]
            trainer.update(*augmented(order[:, piece], moves[:, piece]), rates, total)

    return update


def trim(trainer, at: Standing) -> None:
    """Let the replicas that diverged leave the trainer, so that they cost nothing.

    Two stay where there were two (a trainer of one rounds differently from a trainer of several), and the trainer's tail.
    """
    end = len(at.rows) - trainer.tail
    alive = [row for row, r in enumerate(at.rows) if row >= end or not at.records[r].diverged]
    spare = [row for row, r in enumerate(at.rows) if row < end and at.records[r].diverged]
    stay = sorted(alive + spare[: max(0, min(2, len(at.records)) - len(alive))])
    if alive and len(stay) < len(at.rows):
        trainer.load({name: array[stay] for name, array in trainer.state().items()})
        at.rows = [at.rows[row] for row in stay]


def state_of(trainer, at: Standing) -> tuple[dict, dict[str, np.ndarray]]:
    """All that `restored` needs: what JSON can hold, and arrays."""
    state = {"done": at.done, "rows": at.rows, "records": [record.state() for record in at.records]}
    arrays = {f"trainer.{name}": array for name, array in trainer.state().items()} | {"total": at.total}
    arrays |= {key: np.stack([record.scores[key] for record in at.records]) for key in ("val", "test")}
    return state, arrays


def restored(trainer, state: dict, arrays: dict[str, np.ndarray]) -> Standing:
    """Bring `trainer` to where `state_of` found it."""
    trainer.load(
        {name.removeprefix("trainer."): array for name, array in arrays.items() if name.startswith("trainer.")}
    )
    scores = zip(state["records"], arrays["val"], arrays["test"], strict=True)
    return Standing([Record.from_state(*kept) for kept in scores], state["rows"], arrays["total"], state["done"])


def learning_rates(base_lr: list[float], fleet: dict, start: int, stop: int) -> np.ndarray:
    """The rates η of updates ``start <= u < stop``: ``[updates, R]``."""
    factors = rate_factors(fleet, course(fleet), start, stop)
    return np.array(base_lr)[None, :] * fleet["batch_size"] * np.array(factors)[:, None]


def batches(seeds: list[int], m: int, size: int, seen: int, updates: int) -> np.ndarray:
    """Which examples of the training set (of `size`) the updates see that follow `seen` examples: ``[R, updates, m]``."""
    return np.stack([stream(seed, size, seen, seen + updates * m) for seed in seeds]).reshape(len(seeds), updates, m)


def fresh_batches(seeds: list[int], m: int, size: int, first: int, updates: int) -> np.ndarray:
    """The same where each update draws from the whole set, without replacement; `first` is the first one's number."""
    drawn = [[fresh(seed, update, size)[:m] for update in range(first, first + updates)] for seed in seeds]
    return np.array(drawn, np.int64)


def smith_g(record: Record, fleet: dict, size: int, lr: float) -> float | None:
    """The noise scale εN/(B(1 - momentum)) of Smith et al. 2018 (arXiv 1711.00489, section 2), of SGD."""
    optimizer = fleet["optimizer"]
    if optimizer.get("name", "sgd") != "sgd":
        return None
    return lr * size / (record.batch_size * (1 - optimizer["momentum"]))


def measured(trainer, data: Data, fleet: dict, at: Standing, epoch: int) -> list[dict]:
    """The gradient noise scale of each row at its weights, from examples that seed and epoch draw (`measures/`)."""
    size = len(data.train.labels)
    small = small_batch(fleet, size)
    seeds = [at.records[r].seed for r in at.rows]
    drawn = [fresh(seed, epoch, size, MEASURED)[: BATCHES * small].reshape(BATCHES, small) for seed in seeds]
    found = trainer.gradient_products(data.train, np.stack(drawn))
    return [noise_scale(of_replica, small) for of_replica in found]


def score_epoch(trainer, data: Data) -> dict:
    """The scores of a scored epoch, with exact statistics: each ``[R]`` or ``[R, examples]``."""
    statistics = trainer.exact_statistics(data.train.images)
    train_loss, _ = trainer.score(data.train, statistics)
    val_loss, val_correct = trainer.score(data.validation, statistics)
    _, test_correct = trainer.score(data.test, statistics)
    return {"train_loss": train_loss, "val_loss": val_loss, "val": val_correct, "test": test_correct}


def finish(trainer, data: Data, at: Standing, final: list[int]) -> list[dict]:
    """Summaries at the end of training, with the other statistics of batch norm beside the exact ones."""
    others = {}
    if trainer.normalised:
        others["val_accuracy_running"] = trainer.score(data.validation)[1]
        others["test_accuracy_running"] = trainer.score(data.test)[1]
        population = trainer.population_statistics(data.train.images)
        others["test_accuracy_population"] = trainer.score(data.test, population)[1]
    counts = np.bincount(data.train.labels.cpu().numpy(), minlength=data.classes)
    prior = counts / counts.sum()
    entropy = float(-(prior[prior > 0] * np.log(prior[prior > 0])).sum())
    guess = int(counts.argmax())  # what a diverged model predicts: the most frequent training class
    results, row_of = [], {r: row for row, r in enumerate(at.rows)}
    for r, record in enumerate(at.records):
        status = record.status(entropy)
        if status == "diverged":
            val, test = (split.labels.cpu().numpy() == guess for split in (data.validation, data.test))
            median = float(test.mean())
            statistics = {name: float((val if name.startswith("val") else test).mean()) for name in others}
        else:
            val, test = record.scores["val"], record.scores["test"]
            median = float(np.median([row["test_accuracy"] for row in record.history if row["epoch"] in final]))
            statistics = {name: float(correct[row_of[r]].mean()) for name, correct in others.items()}
        summary = {
            "seed": record.seed,
            "base_lr": record.base_lr,
            "status": status,
            "epochs": record.epochs,
            "updates": record.updates,
            "examples": record.examples,
            "train_loss": record.train_loss if math.isfinite(record.train_loss) else None,
            "val_loss": None if status == "diverged" else record.scores["val_loss"],
            "val_accuracy": float(val.mean()),
            "test_accuracy": float(test.mean()),
            "test_accuracy_median": median,
        }
        results.append(
            {"summary": summary | statistics, "history": record.history, "correct": np.packbits(test).tobytes()}
        )
    return results
