"""The replicas that train together, and what holds them: the ways of training by name."""

import torch

from smallbatch.data.read import Data
from smallbatch.models.build import build
from smallbatch.schedules.course import course, is_adaptive, largest_batch
from smallbatch.training.adaptive import Adaptive
from smallbatch.training.groups import fuse
from smallbatch.training.modules import Modules, lone, lone_channels_last
from smallbatch.training.stacked import Stacked, products
from smallbatch.training.widths import twins

MODULES = {  # several networks -> one that computes them
    "groups": fuse,
    "products": products,
    "vmap": Stacked,
    "separate": lone,
    "separate channels_last": lone_channels_last,
}


def make_trainer(engine: str, data: Data, fleet: dict, seeds: list[int], say=lambda text: None):
    """The replicas of `seeds`, untrained, to be trained together where `data` lies, in the way `engine` (one of WAYS).

    `say` gets a line where that is slower than it could be.
    """
    trainer, schedule = _trainer(engine, data, fleet, seeds, say), fleet["schedule"]
    if not is_adaptive(fleet):
        return trainer
    return Adaptive(trainer, schedule, fleet["batch_size"], largest_batch(schedule, 1, len(data.train.labels)), seeds)


def _trainer(engine: str, data: Data, fleet: dict, seeds: list[int], say):
    nets = [network(data, fleet, seed) for seed in seeds]
    m = max(stretch.batch_size for stretch in course(fleet))
    if engine == "compiled":
        from smallbatch.training.compiled.trainer import Compiled  # needs Numba, which other ways do without

        return Compiled(nets, data.shape, m, fleet["optimizer"], whole=is_adaptive(fleet))
    tail = twins(engine, 2, fleet["batch_size"] * data.classes)
    nets = [net.to(data.device) for net in nets]
    return Modules(nets, MODULES[engine], fleet["optimizer"], tail, fleet.get("precision"), say, m)


def network(data: Data, fleet: dict, seed: int) -> torch.nn.Module:
    """The network of one point, made on the processor: its initial weights are the same wherever it trains."""
    norm, b = fleet["norm"], fleet.get("bn_batch_size")
    return build(fleet["model"], data.shape, data.classes, norm, b, seed)
