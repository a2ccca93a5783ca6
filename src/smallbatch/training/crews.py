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


def make_crew(engine: str, data: Data, shared: dict, seeds: list[int], say=lambda text: None):
    """The replicas of `seeds`, untrained, to be trained together where `data` lies, in the way `engine` (one of WAYS).

    `say` gets a line where that is slower than it could be.
    """
    crew, schedule = _crew(engine, data, shared, seeds, say), shared["schedule"]
    if not is_adaptive(shared):
        return crew
    return Adaptive(crew, schedule, shared["batch_size"], largest_batch(schedule, 1, len(data.train.labels)), seeds)


def _crew(engine: str, data: Data, shared: dict, seeds: list[int], say):
    nets = [network(data, shared, seed) for seed in seeds]
    m = max(stretch.batch_size for stretch in course(shared))
    if engine == "compiled":
        from smallbatch.training.compiled.crew import Compiled  # needs Numba, which other ways do without

        return Compiled(nets, data.shape, m, shared["optimizer"], whole=is_adaptive(shared))
    tail = twins(engine, 2, shared["batch_size"] * data.classes)
    nets = [net.to(data.device) for net in nets]
    return Modules(nets, MODULES[engine], shared["optimizer"], tail, shared.get("precision"), say, m)


def network(data: Data, shared: dict, seed: int) -> torch.nn.Module:
    """The network of one point, made on the processor: its initial weights are the same wherever it trains."""
    norm, b = shared["norm"], shared.get("bn_batch_size")
    return build(shared["model"], data.shape, data.classes, norm, b, seed)
