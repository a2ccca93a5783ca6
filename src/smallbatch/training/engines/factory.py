"""Create the replicas of a block from a fleet and the name of an engine."""

from collections.abc import Callable

from torch import nn

from smallbatch.core.records import Fleet
from smallbatch.data.read import Data
from smallbatch.models.build import build
from smallbatch.schedules.course import is_adaptive, largest_batch, largest_step
from smallbatch.training.engines.adaptive import Adaptive
from smallbatch.training.engines.groups import fuse
from smallbatch.training.engines.limits import padding_replicas
from smallbatch.training.engines.modules import Modules, lone, lone_channels_last
from smallbatch.training.engines.stacked import Stacked, products
from smallbatch.training.engines.trainer import MomentTrainer, ReplicaTrainer

# Functions that fuse several networks into one.
MODULES: dict[str, Callable[[list[nn.Module]], nn.Module]] = {
    "groups": fuse,
    "products": products,
    "vmap": Stacked,
    "separate": lone,
    "separate channels_last": lone_channels_last,
}


def make_trainer(
    engine: str,
    data: Data,
    fleet: Fleet,
    seeds: list[int],
    say: Callable[[str], None] = lambda text: None,
) -> ReplicaTrainer:
    """Create the untrained replicas of `seeds`, on the device of `data`, with `engine` (one of
    WAYS).

    `say` logs a line if training is slower than possible.
    """
    trainer = _make(engine, data, fleet, seeds, say)
    if not is_adaptive(fleet):
        return trainer
    largest = largest_batch(fleet["schedule"], 1, len(data.train.labels))
    return Adaptive(trainer, fleet["schedule"], fleet["batch_size"], largest, seeds)


def _make(
    engine: str, data: Data, fleet: Fleet, seeds: list[int], say: Callable[[str], None]
) -> MomentTrainer:
    nets = [network(data, fleet, seed) for seed in seeds]
    m = largest_step(fleet)
    if engine == "compiled":
        # Imported here because it needs Numba, unlike other engines.
        from smallbatch.training.engines.compiled.trainer import (
            Compiled,
        )

        return Compiled(nets, data.shape, m, fleet["optimizer"], whole=is_adaptive(fleet))
    padding = padding_replicas(engine, 2, fleet["batch_size"] * data.classes)
    nets = [net.to(data.device) for net in nets]
    return Modules(
        nets, MODULES[engine], fleet["optimizer"], padding, fleet.get("precision"), say, m
    )


def network(data: Data, fleet: Fleet, seed: int) -> nn.Module:
    """The network of one point, created on the processor, so that its initial weights do not depend
    on the training device."""
    return build(
        fleet["model"], data.shape, data.classes, fleet["norm"], fleet.get("bn_batch_size"), seed
    )
