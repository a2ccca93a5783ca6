"""Check that the compiled step reproduces the module, before training, by comparison with
float64."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from smallbatch.core.records import OptimizerSettings
from smallbatch.data.read import Split
from smallbatch.training.engines.compiled.trainer import Compiled
from smallbatch.training.engines.groups import CannotFuse, gradients
from smallbatch.training.heap import give_back
from smallbatch.training.scoring import norm_layers

TRIES = 5  # ties broken by rounding (ReLU, max-pooling) can differ; retry with other data
TIMES = 10  # tolerance, relative to the float32 module's difference from float64
PLAIN: OptimizerSettings = {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0}


def verify(net: nn.Module, shape: tuple[int, int, int], examples: int) -> None:
    """Raise CannotFuse unless the compiled gradients and evaluation of `net` agree with the module.

    With randomly perturbed weights and `examples` random images of `shape`, the compiled step is
    compared with the module in double precision. Its difference may be at most TIMES that of the
    module in single precision.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        worst = ""
        for _ in range(TRIES):
            worst = _difference(net, shape, examples)
            if not worst:
                return
    raise CannotFuse(f"the compiled step differs from the module in {worst}")


def verify_moments(net: nn.Module, shape: tuple[int, int, int], examples: int) -> None:
    """Raise CannotFuse unless the sums of squared per-example gradients agree with the module."""
    net, n = copy.deepcopy(net).float(), min(examples, 8)
    trainer = Compiled([net], shape, n, PLAIN, whole=True)
    if trainer.normalised:
        raise CannotFuse("its batch norm leaves single examples no gradient of their own")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        images, labels = torch.randn(n, *shape), torch.arange(n) % trainer.tape.classes
    sums = np.zeros((2, trainer.gradient_size), trainer.dtype)
    trainer.moment_sums(0, Split(images, labels), np.arange(n), sums)
    double = copy.deepcopy(net).double()
    double.train()
    parameters = dict(double.named_parameters())
    truth: dict[str, np.ndarray] = {}
    for image, label in zip(images.double(), labels, strict=True):
        made = gradients(
            F.cross_entropy(double(image[None]), label[None]), list(parameters.values())
        )
        for name, gradient in zip(parameters, made, strict=True):
            truth[name] = truth.get(name, 0) + (gradient / n).square().numpy().reshape(-1)
    for name, squares in truth.items():
        found = sums[1, trainer.tape.names[name]] if name in trainer.tape.names else 0 * squares
        if not np.linalg.norm(found - squares) <= 1e-3 * (
            np.linalg.norm(squares) + 1e-6 * _scale(truth)
        ):
            raise CannotFuse(
                f"the compiled step differs from the module in the squared gradients of {name}"
            )


def _difference(net: nn.Module, shape: tuple[int, int, int], examples: int) -> str:
    """Name the first quantity of the compiled step that differs from float64 by more than the
    tolerance; empty if there is none."""
    single = copy.deepcopy(net).float()
    with torch.no_grad():
        for parameter in single.parameters():
            parameter.add_(0.1 * parameter.abs().mean() * torch.randn_like(parameter))
    double = copy.deepcopy(single).double()
    trainer = Compiled([single], shape, examples, PLAIN)
    images = torch.randn(examples, *shape)
    labels = torch.arange(examples) % trainer.tape.classes
    compiled = trainer.gradients(Split(images, labels))
    losses: dict[str, float] = {"compiled": trainer.score(Split(images, labels))[0][0]}
    truth: dict[str, np.ndarray] = {}
    own: dict[str, np.ndarray] = {}
    give_back()
    for name_of, module, found in (("double", double, truth), ("single", single, own)):
        x = images.to(next(module.parameters()).dtype)
        module.train()
        parameters = dict(module.named_parameters())
        loss = F.cross_entropy(module(x), labels)
        seen = [layer.chunks for layer in norm_layers(module)]
        made = gradients(loss, list(parameters.values()))
        if seen != [layer.chunks for layer in norm_layers(module)]:
            return "its running statistics, which its backward changes too"  # a checkpoint
        found |= {
            name: gradient.double().numpy().reshape(-1)
            for name, gradient in zip(parameters, made, strict=True)
        }
        with torch.no_grad():
            module.eval()
            losses[name_of] = float(F.cross_entropy(module(x), labels))
    for name, gradient in truth.items():
        if name not in compiled and np.any(gradient):
            return f"the gradient of {name}"
        size = float(np.linalg.norm(gradient))
        allowed = TIMES * (
            float(np.linalg.norm(own[name] - gradient)) + 1e-6 * (size + _scale(truth))
        )
        if name in compiled and not np.linalg.norm(compiled[name] - gradient) <= allowed:
            return f"the gradient of {name}"
    allowed = TIMES * (
        abs(losses["single"] - losses["double"]) + 1e-6 * (1 + abs(losses["double"]))
    )
    return "" if abs(losses["compiled"] - losses["double"]) <= allowed else "its evaluation"


def _scale(found: dict[str, np.ndarray]) -> float:
    """The largest norm of a gradient, as a reference for gradients that are zero up to rounding
    (such as those of a bias before batch norm)."""
    return max(float(np.linalg.norm(gradient)) for gradient in found.values())
