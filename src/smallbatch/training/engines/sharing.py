"""Why the replicas of a network cannot share a forward pass, in any engine."""

import copy
import random
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from smallbatch.models.norm import GhostBatchNorm, tell_examples

# training mode or evaluation: two updates, so that whatever is kept between them shows
MODES = (
    True,
    True,
    False,
)


def must_train_alone(net: nn.Module, shape: tuple[int, ...], examples: int) -> str | None:
    """Why replicas of `net` can't share a forward, or None if nothing was seen that forbids it.

    They can't where it draws random numbers (a replica's would depend on its neighbours), reads
    values into Python (a branch would be taken for all) or keeps state outside parameters and
    buffers (it would be one for all, and no stored training state has it). `examples` of `shape`
    ``(C, H, W)`` show it.
    """
    if has_hooks(net):
        return "its layers have hooks, which would be lost or see other replicas"
    net = copy.deepcopy(net)
    watch = _Watch(net)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for training in MODES:
            with watch, torch.set_grad_enabled(training):
                net.train(training)
                try:
                    net(torch.randn(examples, *shape))
                except Exception as error:  # of a forward that takes images alone
                    return f"its forward fails on random numbers ({type(error).__name__})"
    return watch.reason


def has_hooks(net: nn.Module) -> bool:
    """Whether layers of `net` have hooks of their author, which may refer to a module that is not
    the one that trains."""
    return any(
        hook is not tell_examples
        for layer in net.modules()
        for hooks in (
            layer._forward_hooks,
            layer._forward_pre_hooks,
            layer._backward_hooks,
            layer._backward_pre_hooks,
        )
        for hook in hooks.values()
    )


class _Watch(TorchDispatchMode):
    """Watches forwards of `net`; `reason` is the first thing seen that forbids a fleet."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.reason: str | None = None
        self.open: list[
            tuple
        ] = []  # of each forward that has begun: its name, random state and module's state
        for path, module in net.named_modules():
            name = (
                f"layer {path} ({type(module).__name__})"
                if path
                else f"the forward of {type(module).__name__}"
            )
            module.register_forward_pre_hook(lambda module, _, name=name: self._begin(name, module))
            module.register_forward_hook(lambda module, *_: self._end(module))

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if operation is torch.ops.aten._local_scalar_dense.default:
            self._note("reads values of tensors into Python, where replicas can't differ")
        return operation(*args, **(kwargs or {}))

    def _begin(self, name: str, module: nn.Module) -> None:
        self.open.append((name, random_state(), python_state(module)))

    def _end(self, module: nn.Module) -> None:
        _, numbers, state = self.open[-1]
        if numbers != random_state():
            self._note(
                "draws random numbers, and in a fleet these would depend on a replica's neighbours"
            )
        now = python_state(module)
        changed = [key for key in now if now[key] != state.get(key)]
        if changed:
            self._note(f"keeps state in {changed[0]}, which is not a buffer")
        self.open.pop()

    def _note(self, what: str) -> None:
        self.reason = self.reason or f"{self.open[-1][0]} {what}"


def random_state() -> tuple:
    """Where the random generators of torch, Python and NumPy stand."""
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), repr(np.random.get_state())


def python_state(module: nn.Module) -> dict:
    """What stands for the values of a module's plain attributes; those of the engine's own norm are
    known to do no harm, but for those that a forward may set."""
    if isinstance(module, GhostBatchNorm):
        return {"momentum": module.momentum, "eps": module.eps}
    plain = {key: value for key, value in vars(module).items() if key not in vars(nn.Module())}
    return {
        key: (id(value), value._version) if isinstance(value, torch.Tensor) else repr(value)
        for key, value in plain.items()
    }
