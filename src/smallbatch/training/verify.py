"""A way to train replicas together is taken only after a comparison with the replicas apart."""

import copy
from collections.abc import Callable

import torch
from torch import nn

from smallbatch.training.alone import MODES
from smallbatch.training.groups import CannotFuse, gradients, trained


def verified(make: Callable, nets: list[nn.Module], shape: tuple[int, ...], examples: int) -> None:
    """Compare the network ``make(nets)`` with `nets` apart in double precision; raises CannotFuse if they differ.

    Two replicas with random weights and inputs of `shape` ``(C, H, W)``, twice in training mode, then in
    evaluation mode: outputs, gradients and buffers must agree to 1e-9.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pair = [_as_double(net) for net in (nets * 2)[:2]]
        try:
            joined = make(pair)
            for training in MODES:
                x = torch.randn(examples, 2, *shape, dtype=torch.float64)
                _compare(joined.train(training), [net.train(training) for net in pair], x)
        except CannotFuse:
            raise
        except Exception as error:  # whatever a user's forward raises when its tensors are not its own
            raise CannotFuse(f"its forward fails there ({first_line(error)})") from error


def _compare(joined: nn.Module, pair: list[nn.Module], x: torch.Tensor) -> None:
    with torch.set_grad_enabled(joined.training):
        apart = torch.stack([net(x[:, r].contiguous()) for r, net in enumerate(pair)], 1)
        together = joined(x.flatten(1, 2).contiguous(memory_format=torch.channels_last)).unflatten(1, (2, -1))
    _agree("output", [together.transpose(0, 1)], [apart.transpose(0, 1)])
    if joined.training:
        weight = torch.randn_like(apart)
        theirs = [gradients((apart[:, r] * weight[:, r]).sum(), trained(net)) for r, net in enumerate(pair)]
        ours = gradients((together * weight).sum(), trained(joined))
        _agree("gradient", ours, [torch.stack(both) for both in zip(*theirs, strict=True)])
        _agree("buffer", joined.buffers(), [torch.stack(both) for both in zip(*(n.buffers() for n in pair), strict=True)])


def _agree(what: str, ours, theirs) -> None:
    for one, two in zip(ours, theirs, strict=True):
        if one.numel() != two.numel() or not torch.allclose(
            one.reshape(2, -1), two.reshape(2, -1), rtol=1e-9, atol=1e-9, equal_nan=True
        ):
            raise CannotFuse(f"its {what} changes when replicas stand side by side")


def _as_double(net: nn.Module) -> nn.Module:
    """A copy in double precision, its weights moved a little so that none are alike or zero."""
    net = copy.deepcopy(net).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
