"""Batch norm that a network runs without having it among its modules."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from smallbatch.core.errors import UserError
from smallbatch.models.generators import unchanged
from smallbatch.models.norm import GhostBatchNorm


class _Calls(TorchFunctionMode):
    """Notes in which layers ``torch.nn.functional.batch_norm`` is called in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[nn.Module] = []
        self.layers: list[nn.Module] = []

    def close(self) -> None:
        self.open.pop()

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is F.batch_norm and (kwargs.get("training") or (len(args) > 5 and args[5])):
            self.layers.append(self.open[-1])
        return function(*args, **kwargs)


def check_norms(net: nn.Module, shape: tuple[int, int, int], examples: int) -> None:
    """Raise UserError if batch norm of torch runs in a forward of `net`: a layer that is not among
    its modules, or the function.

    Such a layer, kept in a list or a lambda, would normalise over the whole batch whatever the grid
    says.
    """
    calls = _Calls()
    hooks = nn.modules.module
    handles = (
        hooks.register_module_forward_pre_hook(lambda layer, _: calls.open.append(layer)),
        hooks.register_module_forward_hook(lambda *_: calls.close()),
    )
    try:
        with unchanged(), torch.no_grad(), calls:
            tried = copy.deepcopy(net)
            tried.train()
            tried(torch.zeros(examples, *shape))
    finally:
        for handle in handles:
            handle.remove()
    hidden = [layer for layer in calls.layers if type(layer) is not GhostBatchNorm]
    if not hidden:
        return
    kind = type(hidden[0])
    if issubclass(kind, _BatchNorm):
        raise UserError(
            f"model {type(net).__name__}: its forward uses a {kind.__name__} that is not among its modules; "
            "keep layers in nn.ModuleList or nn.ModuleDict in place of a list or dict"
        )
    raise UserError(
        f"model {type(net).__name__}: its forward calls torch.nn.functional.batch_norm in a {kind.__name__}, which would normalise "
        "over the whole batch whatever grid.norm says; use nn.BatchNorm2d"
    )
