"""Train the points of a fleet: build the networks, choose how they train together, go block by
block."""

import functools
from collections.abc import Callable, Iterator

import torch

from smallbatch.core.records import Fleet, Outcome, Point
from smallbatch.core.text import count_text
from smallbatch.data.read import Data
from smallbatch.models.generators import seed_all, unchanged
from smallbatch.training.checkpoint import NO_CHECKPOINT, CheckpointPolicy
from smallbatch.training.engines.choose import choose_engine
from smallbatch.training.engines.factory import make_trainer, network
from smallbatch.training.engines.faithful import check_faithful
from smallbatch.training.engines.limits import padding_replicas
from smallbatch.training.heap import give_back
from smallbatch.training.history import ReplicaHistory
from smallbatch.training.loop import train_block
from smallbatch.training.try_out import try_out

OnBlockEpochEnd = Callable[[list[Point], list[ReplicaHistory], float], None]


def set_up() -> None:
    """One thread and no denormals: the same bits on every run, and jobs that share a machine don't
    fight.

    On a GPU, kernels of cuDNN that repeat their bits, and single precision that isn't TF32.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]  # missing in torch's stubs


def train_fleet(
    data: Data,
    fleet: Fleet,
    points: list[Point],
    say: Callable[[str], None],
    on_epoch_end: OnBlockEpochEnd | None = None,
    checkpoints: Callable[[list[Point], str], CheckpointPolicy] = lambda block, engine: (
        NO_CHECKPOINT
    ),
    most: int | None = None,
) -> Iterator[tuple[list[Point], list[Outcome]]]:
    """Yield ``(block, outcomes)`` for one block of points after the other, trained where `data` is.

    ``say(text)`` gets lines for the log; ``on_epoch_end(block, replicas, share)`` is called at
    every epoch's end; ``checkpoints(block, engine)`` says how a block survives an interruption;
    memory holds `most` replicas at once (as many as are fast, if None). Raises Stopped.
    """
    try_out(network(data, fleet, 0).to(data.device), data, fleet, say)
    check_faithful(data, fleet)
    give_back()
    engine, width = choose_engine(data, fleet, say, most)
    for block in blocks(points, width):
        # The last point trains several times where results would otherwise depend on how points are
        # packed.
        padding = padding_replicas(engine, len(block), fleet["batch_size"] * data.classes)
        padded_block = block + block[-1:] * padding
        seeds = [seed for _, seed in padded_block]
        seed_all(seeds[0])  # dropout and the like, in networks that train one by one
        trainer = make_trainer(engine, data, fleet, seeds, say)
        report = on_epoch_end and functools.partial(_undisturbed, on_epoch_end, block)
        rates, policy = [rate for rate, _ in padded_block], checkpoints(block, engine)
        outcomes = train_block(trainer, data, fleet, rates, seeds, report, policy)

        # The time of the block, before an interruption too, is shared by its points: padding costs
        # something.
        seconds = sum(outcome["summary"]["seconds"] for outcome in outcomes)
        outcomes = outcomes[: len(block)]
        for outcome in outcomes:
            own = outcome["summary"]["seconds"] * len(padded_block) / len(block)
            outcome["summary"].update({"engine": engine, "seconds": own})
        images = sum(outcome["summary"]["examples"] for outcome in outcomes)
        say(
            f"{count_text(len(block), 'point')} in {seconds:.1f} s, {images / seconds:,.0f} images/s"
        )
        yield block, outcomes


def _undisturbed(
    on_epoch_end: OnBlockEpochEnd, block: list[Point], replicas: list[ReplicaHistory], share: float
) -> None:
    """Log an epoch; what a client of a server draws there is none of a network's random numbers."""
    with unchanged():
        on_epoch_end(block, replicas, share)


def blocks(points: list[Point], width: int) -> list[list[Point]]:
    """`points` cut into the fewest blocks of at most `width`, their lengths as equal as can be.

    What is left after the first ones is cut as before, so that a block finds its checkpoint when
    others are stored.
    """
    found: list[list[Point]] = []
    while points:
        size = len(points) // -(-len(points) // width)
        found, points = [*found, points[:size]], points[size:]
    return found
