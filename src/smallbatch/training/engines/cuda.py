"""One update of a trainer captured in a CUDA graph, and replayed: between updates Python does
nothing and nobody waits."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from smallbatch.data.read import Split
from smallbatch.training.scoring import norm_layers

if TYPE_CHECKING:
    from smallbatch.training.engines.modules import Modules

PART = 256  # updates whose batches and rates lie in the tensors that a graph reads
WARM_UPS = 3  # updates before a capture, in which libraries choose kernels and take memory


class StaticStep:
    """One update of `trainer` (a `Modules`) that reads and writes only tensors which stay where
    they are in memory.

    `fill` lays the batches ``[updates, m, R]`` and rates ``[updates, R, 1]`` of at most PART
    updates ready. Each call does the one of number `at` (a tensor), adds its losses to `total`
    ``[R]`` and counts `at` up.
    """

    def __init__(self, trainer: "Modules", train: Split, m: int):
        weights = trainer.parameters[0].detach()
        self.trainer, self.train = trainer, train
        self.index = weights.new_zeros((PART, m, trainer.replicas), dtype=torch.int64)
        self.rates = weights.new_zeros((PART, trainer.replicas, 1))
        self.total = weights.new_zeros(trainer.replicas, dtype=torch.float64)
        self.at = weights.new_zeros(1, dtype=torch.int64)

    def fill(self, index: torch.Tensor, rates: torch.Tensor) -> None:
        self.index[: len(index)].copy_(index)
        self.rates[: len(rates)].copy_(rates)
        self.at.zero_()

    def __call__(self) -> None:
        index, rates = (ready.index_select(0, self.at)[0] for ready in (self.index, self.rates))
        self.trainer.step(self.train, index, rates, self.total)
        self.at += 1


def run(
    step: StaticStep,
    once: Callable[[], None],
    index: torch.Tensor,
    rates: torch.Tensor,
    sums: torch.Tensor,
) -> None:
    """All updates of `index` and `rates` by calls of `once`, which does `step`; adds their losses
    to `sums`."""
    step.total.copy_(sums)
    for part, ready in zip(index.split(PART), rates.split(PART), strict=True):
        step.fill(part, ready)
        for _ in range(len(part)):
            once()
    sums.copy_(step.total)


def captured(step: StaticStep) -> Callable[[], None]:
    """A function that does `step` by replaying a CUDA graph of it; raises RuntimeError where that
    isn't possible.

    A graph knows nothing of Python: what a step counts there (the chunks that batch norm has seen)
    is counted at each replay. From the same state a replay must lead where `step` leads. The
    trainer is left as it was.
    """
    layers, start = norm_layers(step.trainer.net), step.trainer.state()

    def after(once: Callable[[], None]) -> dict[str, np.ndarray]:
        step.trainer.load(start)
        step.at.zero_()
        step.total.zero_()
        once()
        return step.trainer.state() | {"total": step.total.cpu().numpy()}

    try:
        with torch.cuda.stream(
            torch.cuda.current_stream()
        ):  # which a capture that fails may leave to be another
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM_UPS):
                    after(step)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                step()
        eager, replayed = after(step), after(graph.replay)
    finally:
        step.trainer.load(start)
    for name in eager.keys() - {"chunks"}:
        if not np.allclose(eager[name], replayed[name], rtol=1e-4, atol=1e-6, equal_nan=True):
            raise RuntimeError(f"a replay changes {name} otherwise than the update itself")
    chunks = (eager["chunks"] - start["chunks"])[0].tolist()

    def replay() -> None:
        graph.replay()
        for layer, number in zip(layers, chunks, strict=True):
            layer.chunks += number

    return replay
