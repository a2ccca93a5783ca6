"""Benchmark cases: networks, batch sizes and norms, each trained in several ways on the same random
images."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional as F

from smallbatch.data.read import Data, Split
from smallbatch.training.engines.choose import choose_engine
from smallbatch.training.engines.factory import make_trainer
from smallbatch.training.updates import batches


@dataclass(frozen=True)
class Updates:
    """A way to train a case; call it with the number of updates of every replica."""

    run: Callable[[int], float]  # number of updates -> images trained per second
    images: int  # number of images per update of all replicas
    engine: str = ""  # only for a fleet

    def __call__(self, number: int) -> float:
        return self.run(number)


IMAGES = 512  # number of training images
GHOST = 4  # examples per chunk of ghost batch norm
LARGE = 256  # batch size of "textbook large"
RATE = 1e-4  # small, so that weights stay finite


@dataclass(frozen=True)
class Case:
    """A network, the shape of its images, a batch size and a norm: none, bn (over the batch) or
    ghost (over GHOST examples)."""

    model: str
    shape: tuple[int, int, int]
    batch_size: int
    norm: str

    @property
    def bn_batch_size(self) -> int | None:
        return {"none": None, "bn": self.batch_size, "ghost": GHOST}[self.norm]


TARGETS = {"conv": "smallbatch.models.conv.ConvNet", "resnet8": "smallbatch.models.resnet.ResNet"}
CASES = [
    *(
        Case("conv", (1, 8, 8), m, norm)
        for norm in ("none", "bn", "ghost")
        for m in (2, 8, 32, 128, 256)
        if norm != "ghost" or m > GHOST
    ),
    *(Case("resnet8", (3, size, size), m, "bn") for size in (16, 32) for m in (2, 8, 32, 128)),
]


def random_data(case: Case) -> Data:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(IMAGES, *case.shape, generator=generator).to(
        memory_format=torch.channels_last
    )
    split = Split(images, torch.randint(0, 10, (IMAGES,), generator=generator))
    return Data(split, split, split, classes=10)


def ways(case: Case, data: Data) -> dict[str, Updates]:
    """The ways to train a case: ``textbook`` (and ``textbook large``), ``fleet``, ``vmap``."""
    large = Case(case.model, case.shape, LARGE, case.norm)
    found = {
        "textbook": textbook(case, data, channels_last=False),
        "textbook, channels last": textbook(case, data, channels_last=True),
        "fleet": as_fleet(case, data),
        "vmap": vmap_of_grad(case, data),
    }
    if case.batch_size != LARGE:
        found["textbook large"] = textbook(large, data, channels_last=False)
        found["textbook large, channels last"] = textbook(large, data, channels_last=True)
    return found


class Chunked(nn.BatchNorm2d):
    """Ghost batch norm for the textbook loop: torch's batch norm over one chunk after another."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([super(Chunked, self).forward(part) for part in x.split(GHOST)])


class Functional(nn.Module):
    """Batch norm over `chunk` examples without running statistics, which `vmap` requires."""

    def __init__(self, channels: int, chunk: int):
        super().__init__()
        self.weight, self.bias = (
            nn.Parameter(torch.ones(channels)),
            nn.Parameter(torch.zeros(channels)),
        )
        self.chunk = chunk

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = x.unflatten(0, (-1, self.chunk))
        var, mean = torch.var_mean(parts, (1, 3, 4), correction=0, keepdim=True)
        y = ((parts - mean) * torch.rsqrt(var + 1e-5)).flatten(0, 1)
        return y * self.weight[:, None, None] + self.bias[:, None, None]


def network(case: Case, norm: Callable[[int], nn.Module]) -> nn.Module:
    from smallbatch.core.locate import locate

    offered = {"in_channels": case.shape[0], "classes": 10, "norm": norm}
    if case.model == "conv":
        offered["image_size"] = case.shape[1]
    return locate(TARGETS[case.model])(**offered)


ONE_STEP = {"schedule": {"name": "constant"}, "updates": 1}  # every step is the same


def textbook(case: Case, data: Data, channels_last: bool) -> Updates:
    """The standard loop: one network, torch's layers and torch.optim.SGD."""
    norms: dict[str, Callable[[int], nn.Module]] = {
        "none": lambda c: nn.Identity(),
        "bn": nn.BatchNorm2d,
        "ghost": Chunked,
    }
    norm = norms[case.norm]
    layout = torch.channels_last if channels_last else torch.contiguous_format
    torch.manual_seed(0)
    net = network(case, norm).to(memory_format=layout)  # type: ignore[call-overload]  # missing in torch's stubs
    images, labels = data.train.images.contiguous(memory_format=layout), data.train.labels
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)

    def updates(number: int) -> float:
        order = torch.from_numpy(batches([0], case.batch_size, IMAGES, 0, number)[0])
        begun = time.perf_counter()
        for batch in order:
            optimizer.zero_grad()
            F.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
        return number * case.batch_size / (time.perf_counter() - begun)

    return Updates(updates, case.batch_size)


def replicas(case: Case) -> int:
    return 35 if case.model == "conv" else 8


def as_fleet(case: Case, data: Data) -> Updates:
    """A fleet as trained by a job, with the engine and width that `choose_engine` selects."""
    fleet: Any = {
        "model": {"name": case.model, "_target_": TARGETS[case.model]},
        "optimizer": {"momentum": 0.0, "weight_decay": 0.0},
        "batch_size": case.batch_size,
        "norm": "none" if case.norm == "none" else "bn",
        "bn_batch_size": case.bn_batch_size,
        **ONE_STEP,
    }
    engine, width = choose_engine(data, fleet, lambda text: None)
    seeds = list(range(min(width, replicas(case))))
    trainer = make_trainer(engine, data, fleet, seeds)

    def updates(number: int) -> float:
        order = batches(seeds, case.batch_size, IMAGES, 0, number)
        begun = time.perf_counter()
        trainer.update(data.train, order, np.full((number, len(seeds)), RATE), np.zeros(len(seeds)))
        return len(seeds) * number * case.batch_size / (time.perf_counter() - begun)

    return Updates(updates, len(seeds) * case.batch_size, engine)


def vmap_of_grad(case: Case, data: Data) -> Updates:
    """Several networks at once with ``vmap(grad(loss))`` over stacked parameters."""
    b = case.bn_batch_size
    norm: Callable[[int], nn.Module] = (
        (lambda c: nn.Identity()) if b is None else (lambda c: Functional(c, b))
    )
    number_of = replicas(case)
    nets = [network(case, norm) for _ in range(number_of)]
    stacked, _ = stack_module_state(nets)
    parameters = {name: tensor.detach() for name, tensor in stacked.items()}
    images, labels = data.train.images.contiguous(), data.train.labels

    def loss(weights: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(functional_call(nets[0], weights, (x,)), y)

    gradients = vmap(grad(loss))

    def updates(number: int) -> float:
        order = torch.from_numpy(
            batches(list(range(number_of)), case.batch_size, IMAGES, 0, number)
        )
        begun = time.perf_counter()
        for u in range(number):
            found = gradients(parameters, images[order[:, u]], labels[order[:, u]])
            for name, tensor in parameters.items():
                tensor.sub_(found[name], alpha=RATE)
        return number_of * number * case.batch_size / (time.perf_counter() - begun)

    return Updates(updates, number_of * case.batch_size)
