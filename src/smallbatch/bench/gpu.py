"""Compare a fleet on a GPU with the textbook loop: ``python -m smallbatch.bench --device cuda
[OUT]``.

The textbook loop runs eagerly, in a CUDA graph, and compiled in a CUDA graph; the fastest counts.
Requires only torch and numpy (and a C compiler for `torch.compile`). Writes ``OUT-gpu.csv``.

A share of a limit is the throughput of an update divided by the peak throughput of the device,
measured in the same process: arithmetic with a large matrix product in the same precision, memory
with copies. Bytes are counted as if every operation read its inputs and wrote its outputs in
memory. Since caches are ignored, a share can exceed 1.
"""

import contextlib
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from smallbatch.bench.cases import IMAGES, ONE_STEP, RATE, Case, Chunked, network, random_data
from smallbatch.core import provenance
from smallbatch.core.errors import first_line
from smallbatch.data.read import Data
from smallbatch.training.engines.choose import choose_engine
from smallbatch.training.engines.device import forward_in, hardware, products_in
from smallbatch.training.engines.factory import make_trainer
from smallbatch.training.engines.modules import Modules
from smallbatch.training.fleet import set_up
from smallbatch.training.updates import batches

CASES = [
    Case("resnet8", (3, 32, 32), m, norm)
    for norm in ("none", "bn")
    for m in (1, 2, 4, 8)
    if (m, norm) != (1, "bn")
]
REPLICAS = (64, 256)
PRECISIONS = (None, "tf32", "bf16")
REPEATS = 5
SECONDS = 0.3  # approximate length of a repeat


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def rate(work: Callable[[int], None], device: torch.device) -> float:
    """The number of repetitions of ``work`` per second: the median of REPEATS timings of about
    SECONDS."""

    def seconds(number: int) -> float:
        wait(device)
        begun = time.perf_counter()
        work(number)
        wait(device)
        return time.perf_counter() - begun

    seconds(1)
    number = max(1, round(8 * SECONDS / seconds(8)))
    return statistics.median(number / seconds(number) for _ in range(REPEATS))


def repeat(once: Callable[[], object]) -> Callable[[int], None]:
    def work(number: int) -> None:
        for _ in range(number):
            once()

    return work


def textbook(case: Case, data: Data, precision: str | None) -> dict[str, Callable[[int], None]]:
    """``work(updates)`` of one network with torch's layers and optimizer, for each supported way of
    execution."""
    norms: dict[str, Callable[[int], nn.Module]] = {
        "none": lambda c: nn.Identity(),
        "bn": nn.BatchNorm2d,
        "ghost": Chunked,
    }
    norm = norms[case.norm]
    torch.manual_seed(0)
    net = network(case, norm).to(data.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    batch = torch.arange(case.batch_size, device=data.device)
    cast = forward_in(precision, data.device)

    def loss_of(batch: torch.Tensor) -> torch.Tensor:
        with cast():
            return F.cross_entropy(net(data.train.images[batch]), data.train.labels[batch])

    def update(loss_of: Callable[[torch.Tensor], torch.Tensor] = loss_of) -> None:
        optimizer.zero_grad()
        loss_of(batch).backward()
        optimizer.step()

    found = {"eager": repeat(update)}
    if data.device.type == "cuda":
        compiled = torch.compile(loss_of)
        for name, step in (("graph", update), ("compiled graph", lambda: update(compiled))):
            try:
                found[name] = repeat(graph_of(step))
            except Exception as error:  # for example, no C compiler
                print(f"no textbook loop as {name}: {first_line(error)}", flush=True)
    return found


def graph_of(step: Callable[[], None]) -> Callable[[], None]:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def as_fleet(
    case: Case, data: Data, precision: str | None, replicas: int, engine: str | None = None
) -> tuple[str, Callable[[int], None], Modules]:
    """The engine (`engine`, or by default the one that a job would choose), ``work(updates)`` and
    the trainer of a fleet."""
    target = {"name": case.model, "_target_": "smallbatch.models.resnet.ResNet"}
    fleet: Any = {
        "model": target,
        "optimizer": {"momentum": 0.0, "weight_decay": 0.0},
        "batch_size": case.batch_size,
    }
    fleet |= {
        "norm": "none" if case.norm == "none" else "bn",
        "bn_batch_size": case.bn_batch_size,
        "precision": precision,
        **ONE_STEP,
    }
    engine = engine or choose_engine(data, fleet, lambda text: None)[0]
    seeds = list(range(replicas))
    trainer = make_trainer(engine, data, fleet, seeds, lambda text: print(text, flush=True))
    assert isinstance(trainer, Modules)  # the compiled step does not support GPUs

    def work(number: int) -> None:
        order = batches(seeds, case.batch_size, IMAGES, 0, number)
        trainer.update(data.train, order, np.full((number, replicas), RATE), np.zeros(replicas))

    return engine, work, trainer


class Traffic(TorchDispatchMode):
    """Counts the `bytes` that operations read and write; views do not count."""

    bytes = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = operation(*args, **(kwargs or {}))
        if not operation.is_view:
            tensors = [x for x in tree_leaves((args, kwargs, out)) if isinstance(x, torch.Tensor)]
            self.bytes += sum(
                x.untyped_storage().nbytes() if 0 in x.stride() else x.nbytes for x in tensors
            )
        return out


Counter = TypeVar("Counter", bound=contextlib.AbstractContextManager)


def cost(mode: Counter, trainer: Modules, data: Data, case: Case) -> Counter:
    """Run one update of `trainer` under `mode` and return `mode`."""
    index = (
        torch.arange(case.batch_size, device=data.device)[:, None]
        .expand(-1, trainer.replicas)
        .contiguous()
    )
    rates = torch.zeros(trainer.replicas, 1, device=data.device)
    trainer.net.train()
    with mode:
        trainer.step(
            data.train,
            index,
            rates,
            torch.zeros(trainer.replicas, dtype=torch.float64, device=data.device),
        )
    return mode


def limits(precision: str | None, device: torch.device, size: int = 8192) -> tuple[float, float]:
    """Floating-point operations per second of a matrix product, and bytes per second of a copy."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    c = torch.empty_like(a)
    products = rate(repeat(lambda: torch.mm(a, b, out=c)), device)
    return products * 2 * size**3, rate(repeat(lambda: c.copy_(a)), device) * 2 * a.nbytes


def measure(
    case: Case,
    precision: str | None,
    replicas: int,
    device: torch.device,
    peak: tuple[float, float],
) -> dict:
    data = random_data(case).to(device)
    with products_in(precision):
        alone = {name: rate(work, device) for name, work in textbook(case, data, precision).items()}
    engine, work, trainer = as_fleet(case, data, precision, replicas)
    speed = rate(work, device)
    best = max(alone, key=lambda name: alone[name])
    moved = cost(Traffic(), trainer, data, case).bytes
    # Count a single network: the counter treats gradients of grouped convolutions as ungrouped.
    _, _, one = as_fleet(case, data, precision, 1, "separate")
    operations = replicas * cost(FlopCounterMode(display=False), one, data, case).get_total_flops()
    return {
        "model": case.model,
        "image": "x".join(map(str, case.shape[1:])),
        "batch_size": case.batch_size,
        "norm": case.norm,
        "precision": precision or "float32",
        "replicas": replicas,
        "engine": engine,
        "images_per_second": round(speed * case.batch_size * replicas),
        "textbook": best,
        "textbook_images_per_second": round(alone[best] * case.batch_size),
        "ratio_to_textbook": round(speed * replicas / alone[best], 2),
        "share_of_arithmetic": round(speed * operations / peak[0], 4),
        "share_of_bandwidth": round(speed * moved / peak[1], 4),
        "machine": hardware(device),
        "versions": provenance.versions("torch", "numpy"),
    }


def main(out: Path, device: torch.device) -> None:
    set_up()
    rows = []
    out.parent.mkdir(parents=True, exist_ok=True)
    for precision in PRECISIONS:
        with products_in(precision):
            peak = limits(precision, device)
        print(
            f"{precision or 'float32'}: {peak[0] / 1e12:.1f} TFLOP/s, {peak[1] / 1e9:,.0f} GB/s at best",
            flush=True,
        )
        for case in CASES:
            for replicas in REPLICAS:
                rows.append(measure(case, precision, replicas, device, peak))
                print(
                    "  ".join(f"{key} {value}" for key, value in list(rows[-1].items())[:-2]),
                    flush=True,
                )
                with open(
                    out.with_name(out.name + "-gpu.csv"), "w", newline="", encoding="utf-8"
                ) as file:
                    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)
