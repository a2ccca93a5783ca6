"""Measure the numbers for `memory_model.py` and count operations: ``python -m
smallbatch.resources.memory_trace < REQUEST``.

The request is JSON, ``{"folder", "settings": [{model, shape, classes, norm, bn_batch_size,
compiled}, ...]}``. The last line of the output is a list with the numbers of each setting, null if
its network raises. Up to two replicas of each network make updates with small batches in every
possible engine, while torch's profiler records allocations; the numbers of the compiled step follow
from its layout.
"""

import functools
import json
import math
import sys
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from smallbatch.core.records import OptimizerSettings
from smallbatch.core.user_folder import user_folder
from smallbatch.data.read import Split
from smallbatch.models.build import build
from smallbatch.training.engines.choose import separate_ways
from smallbatch.training.engines.equivalence import verified
from smallbatch.training.engines.factory import MODULES
from smallbatch.training.engines.groups import CannotFuse
from smallbatch.training.engines.modules import Modules
from smallbatch.training.engines.sharing import must_train_alone
from smallbatch.training.fleet import set_up

OPTIMIZER: OptimizerSettings = {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0}
MOST_EXAMPLES = 32
MOST_PIXELS = 2**17  # per batch, to limit the memory of tracing


def trace(setting: dict) -> dict:
    """The numbers of one setting: ``{engine: {"weights", "start", "example", "slice"}}``.

    `separate` also has ``flops``: the operations of forward and backward per example, with two per
    multiply-add.
    """
    shape, classes = tuple(setting["shape"]), setting["classes"]
    m = max(2, min(MOST_EXAMPLES, 2 ** int(math.log2(max(1, MOST_PIXELS // math.prod(shape))))))
    # The memory hardly depends on the size of BN batches.
    b = setting["bn_batch_size"] and math.gcd(setting["bn_batch_size"], m)
    nets = [build(setting["model"], shape, classes, setting["norm"], b, seed) for seed in (0, 1)]
    found = _compiled(nets[0], shape, b) if setting["compiled"] else {}
    ways = ["separate"]
    if not found and not must_train_alone(nets[0], shape, m):
        ways += [way for way in ("groups", "vmap") if _possible(way, nets, shape, m)]
    found |= {way: _modules(way, nets, shape, m) for way in ways}
    found["separate"]["flops"] = _flops(nets[1], shape, m)
    if "separate channels_last" in separate_ways(nets[0], shape, m):
        found["separate channels_last"] = found["separate"]
    return {
        way: {name: math.ceil(number) for name, number in one.items()} for way, one in found.items()
    }


def _possible(way: str, nets: list, shape: tuple, m: int) -> bool:
    try:
        verified(MODULES[way], nets, shape, m, way)
    except CannotFuse:
        return False
    return True


def _compiled(net: torch.nn.Module, shape: tuple, b: int | None) -> dict:
    """The numbers of the compiled step, computed from its layout; empty if it is not available."""
    try:
        from smallbatch.training.engines.compiled.trainer import Compiled

        small, large = (Compiled([net], shape, m, OPTIMIZER) for m in ((b or 1), 2 * (b or 1)))
    except Exception:  # CannotFuse, or Numba is missing
        return {}
    bytes_ = small.dtype.itemsize
    example = bytes_ * (large.training.size - small.training.size) / (b or 1)
    return {
        "compiled": {
            "weights": small.p.nbytes + small.running.nbytes,
            "start": bytes_ * small.training.size - (b or 1) * example + small.gradient.nbytes,
            "example": example,
            "slice": bytes_ * small.evaluation.size / small.slice,
        }
    }


def _modules(way: str, nets: list, shape: tuple, m: int) -> dict:
    """The numbers of an engine with PyTorch, from a line through the allocations at two batch
    sizes."""
    nets = nets[: 1 if way == "separate" else 2]
    replicas = len(nets)
    trainer = Modules(nets, MODULES[way], OPTIMIZER)
    # At most one slice of an evaluation.
    split = Split(torch.randn(2 * m, *shape), torch.zeros(2 * m, dtype=torch.int64))

    def update(m: int) -> None:
        order = np.arange(m)[None, None].repeat(replicas, 0)
        trainer.update(split, order, np.full((1, replicas), 1e-9), np.zeros(replicas))

    update(m)  # warm-up
    one, two = (allocated(functools.partial(update, n)) / replicas for n in (m, 2 * m))
    tensors = [*trainer.net.parameters(), *trainer.net.buffers()]
    return {
        "weights": sum(tensor.nbytes for tensor in tensors) / replicas,
        "start": max(0, 2 * one - two),
        "example": (two - one) / m,
        "slice": allocated(lambda: trainer.score(split)) / replicas / (2 * m),
    }


def _flops(net: torch.nn.Module, shape: tuple, m: int) -> float:
    """Operations of forward and backward per example, as counted by torch."""
    with FlopCounterMode(display=False) as counter:
        net.train()
        loss = F.cross_entropy(net(torch.randn(m, *shape)), torch.zeros(m, dtype=torch.int64))
        # Not `torch.autograd.grad`: the counter fails there with parametrised weights (torch 2.13).
        loss.backward()
    return counter.get_total_flops() / m


def allocated(run: Callable[[], object]) -> int:
    """Peak bytes of tensors that `run` allocates in addition to those allocated before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    events = [
        event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"
    ]
    changes = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    return int(max(np.cumsum(changes), default=0))


def main() -> None:
    request = json.load(sys.stdin)
    user_folder(request["folder"])
    set_up()
    found: list[dict | None] = []
    for setting in request["settings"]:
        try:
            found.append(trace(setting))
        except Exception as error:  # any error of a user's network; its job reports it better
            print(f"{setting['model']['_target_']}: {error}", file=sys.stderr)
            found.append(None)
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
