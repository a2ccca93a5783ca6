"""Capture an update of a trainer in a CUDA graph and replay it, without Python code or
synchronisation between updates."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from smallbatch.data.read import Split
from smallbatch.training.scoring import norm_layers

if TYPE_CHECKING:
    from smallbatch.training.engines.modules import Modules

PART = 256  # updates with batches and rates in the input tensors of a graph
WARM_UPS = 3  # updates before a capture, in which libraries select kernels and allocate memory


class StaticStep:
    """One update of `trainer` (a `Modules`) that reads and writes only tensors with fixed
    addresses.

    `fill` copies the batches ``[updates, m, R]`` and rates ``[updates, R, 1]`` of at most PART
    updates. Each call makes update number `at` (a tensor), adds its losses to `total` ``[R]`` and
    increments `at`.
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
    """Make all updates of `index` and `rates` by calling `once`, which executes `step`; adds their
    losses to `sums`."""
    step.total.copy_(sums)
    for part, ready in zip(index.split(PART), rates.split(PART), strict=True):
        step.fill(part, ready)
        for _ in range(len(part)):
            once()
    sums.copy_(step.total)


def captured(step: StaticStep) -> Callable[[], None]:
    """A function that replays a CUDA graph of `step`; raises RuntimeError if this is not possible.

    A graph does not execute Python code, so the chunks that batch norm counts in Python are added
    at each replay. From the same state, a replay must give the same result as `step`. The state of
    the trainer is restored.
    """
    layers, start = norm_layers(step.trainer.net), step.trainer.state()

    def after(once: Callable[[], None]) -> dict[str, np.ndarray]:
        step.trainer.load(start)
        step.at.zero_()
        step.total.zero_()
        once()
        return step.trainer.state() | {"total": step.total.cpu().numpy()}

    try:
        # Restore the current stream afterwards, which a failed capture can change.
        with torch.cuda.stream(torch.cuda.current_stream()):
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
            layer.count(number)

    return replay
