"""Train the points of a fleet: build the networks, choose how they train together, go block by block."""

import functools
import itertools
import time
from collections.abc import Iterator

import torch

from smallbatch.data.read import Data
from smallbatch.errors import UserError
from smallbatch.models.build import build
from smallbatch.training.alone import must_train_alone
from smallbatch.training.groups import CannotFuse, fuse
from smallbatch.training.loop import train_block
from smallbatch.training.modules import Modules, lone, row_major
from smallbatch.training.stacked import Stacked
from smallbatch.training.verify import rounds_alike, verified

IMAGES_AT_ONCE = 2048  # m times replicas: wider blocks leave the cache, narrower ones wait for Python
WIDEST = 128
TAIL = 32
WAYS = {"groups": fuse, "vmap": Stacked}  # one network that computes several, the best way first
SAID = {"groups": "as channel groups", "vmap": "by vmap", "separate": "one by one"}


def set_up() -> None:
    """One thread and no denormals: the same bits on every run, and jobs that share a machine don't fight."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def train_fleet(data: Data, shared: dict, points: list[tuple[float, int]], say, watch=None) -> Iterator:
    """Yield ``(points, results)`` block by block; `points` are (η̃, seed). Results: `training/loop.py`.

    `say(text)` gets lines for the log; `watch(block, records, share)` is called at every epoch's end.
    """
    _try_out(network(data, shared, 0), data, shared)
    engine, width = choose_engine(data, shared, say)
    for block in blocks(points, width):
        crowd = block + block[-1:] * twins(engine, len(block), shared["batch_size"] * data.classes)
        torch.manual_seed(crowd[0][1])  # of dropout and the like, in networks that train one by one
        started = time.perf_counter()
        rates, seeds = [rate for rate, _ in crowd], [seed for _, seed in crowd]
        report = watch and functools.partial(watch, block)
        crew = make_crew(engine, data, shared, seeds)
        results = train_block(crew, data, shared, rates, seeds, report)[: len(block)]
        seconds = time.perf_counter() - started
        for result in results:
            result["summary"] |= {
                "engine": engine,
                "seconds": result["summary"]["seconds"] * len(crowd) / len(block),  # twins' time is the block's
            }
        images = sum(result["summary"]["examples"] for result in results)
        say(f"{len(block)} points in {seconds:.1f} s, {images / seconds:,.0f} images/s")
        yield block, results


def twins(engine: str, replicas: int, logits: int) -> int:
    """How often the last point of a block trains once more, so that no bit of the others depends on the packing.

    Channel groups of one replica round differently from groups of several. Under vmap a processor takes the
    last elements of a tensor (fewer than TAIL) one by one, and rounds functions such as the sigmoid in another
    way there; `logits`, those of one replica's batch, are as a rule its smallest activations.
    """
    if engine == "vmap":
        return -(-TAIL // logits)
    return int(engine == "groups" and replicas == 1)


def make_crew(engine: str, data: Data, shared: dict, seeds: list[int]) -> Modules:
    """The replicas of `seeds`, untrained, to be trained together in the way `engine`."""
    nets = [network(data, shared, seed) for seed in seeds]
    return Modules(nets, (WAYS | {"separate": lone})[engine], shared["optimizer"])


def network(data: Data, shared: dict, seed: int) -> torch.nn.Module:
    """The network of one point."""
    norm, b = shared["norm"], shared.get("bn_batch_size")
    return build(shared["model"], data.shape, data.classes, norm, b, seed)


def choose_engine(data: Data, shared: dict, say) -> tuple[str, int]:
    """How replicas train together (a key of WAYS, or ``separate``), and how many at once; says so and why."""
    found, reasons = candidates(data, shared)
    engine, m = found[0], shared["batch_size"]
    say(f"replicas train {SAID[engine]}{': ' if reasons else ''}{'; '.join(reasons)}")
    return engine, 1 if engine == "separate" else min(WIDEST, max(2, IMAGES_AT_ONCE // m))


def candidates(data: Data, shared: dict) -> tuple[list[str], list[str]]:
    """The ways in which this network can train, the best first, and why those before the first are not.

    The order is that of WAYS, ``separate`` last, but ways that keep a replica's bits come before those that don't.
    """
    m, b = shared["batch_size"], shared.get("bn_batch_size")
    nets = [network(data, shared, seed) for seed in (0, 1)]
    examples = m if m > 1 else b or 2
    alone = must_train_alone(nets[0], data.shape, examples)
    if alone:
        return ["separate"], [alone]
    alike, others, reasons = [], [], []
    for name, make in WAYS.items():
        try:
            verified(make, nets, data.shape, examples, SAID[name])
        except CannotFuse as reason:
            reasons += [] if alike else [str(reason)]
            continue
        if rounds_alike(make, nets, data.shape, examples, twins(name, 2, examples * data.classes)):
            alike.append(name)
        else:
            others.append(name)
            reasons += [] if alike else [f"the last bits of a replica would depend on its neighbours {SAID[name]}"]
    return [*alike, *others, "separate"], reasons


def _try_out(net: torch.nn.Module, data: Data, shared: dict) -> None:
    """One batch through a network before it trains; raises UserError, naming the network, if that fails."""
    m, name = shared["batch_size"], shared["model"]["_target_"]
    x = row_major(data.train.images[:m])
    try:
        y = net.train()(x)
    except Exception as error:  # whatever a user's forward raises
        raise UserError(f"model {name}: its forward fails on a batch of shape {list(x.shape)} ({error})") from error
    if not isinstance(y, torch.Tensor) or y.shape != (m, data.classes):
        shape = list(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__
        raise UserError(
            f"model {name}: its output is {shape}, but the data set has {data.classes} classes; return [{m}, {data.classes}]"
        )


def blocks(points: list, width: int) -> list[list]:
    """`points` cut into the fewest blocks of at most `width`, their lengths as equal as can be."""
    number = -(-len(points) // width)
    ends = [len(points) * i // number for i in range(number + 1)] if number else []
    return [points[start:stop] for start, stop in itertools.pairwise(ends)]
