"""Train the points of a fleet: build the networks, choose how they train together, go block by block."""

import itertools
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from smallbatch.data.read import Data
from smallbatch.models.build import build
from smallbatch.training.groups import CannotFuse, fuse, verified
from smallbatch.training.loop import train_block

IMAGES_AT_ONCE = 2048  # m times replicas: wider blocks leave the cache, narrower ones wait for Python
WIDEST = 128


def set_up() -> None:
    """One thread and no denormals: the same bits on every run, and jobs that share a machine don't fight."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def train_fleet(data: Data, shared: dict, points: list[tuple[float, int]], say) -> Iterator[tuple[list, list[dict]]]:
    """Yield ``(points, results)`` block by block; `points` are (η̃, seed). Results: `training/loop.py`."""
    m, b = shared["batch_size"], shared.get("bn_batch_size")

    def network(seed: int) -> torch.nn.Module:
        return build(shared["model"], data.shape, data.classes, shared["norm"], b, seed)

    try:
        verified([network(0), network(1)], data.shape, examples=m if m > 1 else 2 if b is None else b)
        engine, width = "groups", min(WIDEST, max(2, IMAGES_AT_ONCE // m))
    except CannotFuse as reason:
        say(f"replicas train one by one: {reason}")
        engine, width = "separate", 1
    for block in blocks(points, width):
        # Groups of one replica round differently from groups of several: a lone point gets a twin.
        crew = block * 2 if engine == "groups" and len(block) == 1 else block
        nets = [network(seed) for _, seed in crew]
        net = fuse(nets) if engine == "groups" else nets[0]
        started = time.perf_counter()
        results = train_block(net, data, shared, [rate for rate, _ in crew], [seed for _, seed in crew])[: len(block)]
        seconds = time.perf_counter() - started
        for result in results:
            result["summary"] |= {
                "engine": engine,
                "seconds": seconds / len(crew) if len(crew) > len(block) else result["summary"]["seconds"],
            }
        images = sum(result["summary"]["examples"] for result in results)
        say(f"{len(block)} points in {seconds:.1f} s, {images / seconds:,.0f} images/s")
        yield block, results


def blocks(points: list, width: int) -> list[list]:
    """`points` cut into the fewest blocks of at most `width`, their lengths as equal as can be."""
    number = -(-len(points) // width)
    ends = [len(points) * i // number for i in range(number + 1)] if number else []
    return [points[start:stop] for start, stop in itertools.pairwise(ends)]


def processor() -> str:
    """The name of the processor, to record beside the results."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
