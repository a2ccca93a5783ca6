"""The replicas that train together, and what holds them: the ways of training by name."""

import torch

from smallbatch.data.read import Data
from smallbatch.models.build import build
from smallbatch.training.groups import fuse
from smallbatch.training.modules import Modules, lone
from smallbatch.training.stacked import Stacked
from smallbatch.training.widths import twins

MODULES = {"groups": fuse, "vmap": Stacked, "separate": lone}  # several networks -> one that computes them


def make_crew(engine: str, data: Data, shared: dict, seeds: list[int]):
    """The replicas of `seeds`, untrained, to be trained together in the way `engine` (one of WAYS)."""
    nets = [network(data, shared, seed) for seed in seeds]
    if engine == "compiled":
        from smallbatch.training.compiled.crew import Compiled  # needs Numba, which other ways do without

        return Compiled(nets, data.shape, shared["batch_size"], shared["optimizer"])
    tail = twins(engine, 2, shared["batch_size"] * data.classes)
    return Modules(nets, MODULES[engine], shared["optimizer"], tail)


def network(data: Data, shared: dict, seed: int) -> torch.nn.Module:
    """The network of one point."""
    norm, b = shared["norm"], shared.get("bn_batch_size")
    return build(shared["model"], data.shape, data.classes, norm, b, seed)
