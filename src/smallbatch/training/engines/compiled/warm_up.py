"""Compile or load all compiled functions by calling them with a tiny network."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np
import torch
from torch import nn

from smallbatch.data.read import Split
from smallbatch.training.engines.compiled import step
from smallbatch.training.engines.compiled.trainer import Compiled

# Parts of a stage compile in parallel. The second stage calls the functions of the first.
STAGES = (("forward", "backward"), ("train", "score"))


def compile_all(processes: int = 1) -> None:
    """Compile everything, in this process or in several; two take slightly more than half the time
    of one."""
    if processes == 1:
        for stage in STAGES:
            for part in stage:
                compile_part(part)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        for stage in STAGES:
            list(pool.map(compile_part, stage))


def compile_part(name: str) -> None:
    trainer, split = _tiny()
    net, memory = trainer.training.net, trainer.memory[id(trainer.training)]
    tape, tensors, places, chunks, settings = net
    p, running, sums = (
        trainer.p[0],
        trainer.running[0],
        np.zeros((2, trainer.gradient_size), trainer.dtype),
    )
    if name == "forward":
        nothing = np.empty((2, 0), np.float64)
        step.forward(
            tape,
            tensors,
            places,
            memory,
            p,
            chunks,
            settings,
            running[0],
            running[1],
            2,
            step.BATCH,
            step.NOTHING,
            nothing,
        )
    elif name == "backward":
        step.backward(tape, tensors, places, memory, p, trainer.gradient, chunks, 2)
    elif name == "train":
        trainer.update(split, np.zeros((1, 1, 2), np.int64), np.zeros((1, 1)), np.zeros(1))
    elif name == "score":  # also the functions for rules that choose the batch size
        trainer.score(split)
        trainer.weighed(0, sums, 1, 2, trainer.moment_sums(0, split, np.arange(2), sums))
        trainer.apply(0, sums[0], 0.0)


@cache
def _tiny() -> tuple[Compiled, Split]:
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2))
    trainer = Compiled([net], (1, 2, 2), 2, {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0})
    return trainer, Split(torch.zeros(2, 1, 2, 2), torch.zeros(2, dtype=torch.int64))
