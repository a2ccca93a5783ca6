"""Fuse R networks into one: the replicas' channels are concatenated, and layers become grouped.

Activations are ``[examples, R·C, H, W]``, replica-major. R convolutions become one convolution with
R times the groups, R batch norms become one over R·C channels, and R linear layers one batched
product; ReLU, pooling, residual sums and ``flatten(1)`` need no change. Replacing the layers of an
ordinary module is enough for most networks; `equivalence.py` checks the result.
"""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from smallbatch.models.norm import GhostBatchNorm


class CannotFuse(Exception):
    """An engine does not support the networks; the text is the reason."""


class GroupedConv2d(nn.Module):
    """R convolutions: weight ``[R·out, in/groups, k, k]``, bias ``[R·out]``."""

    def __init__(self, layers: list[nn.Conv2d]):
        super().__init__()
        self.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]))
        self.bias = None
        if layers[0].bias is not None:
            self.bias = nn.Parameter(
                torch.cat([layer.bias.detach() for layer in layers if layer.bias is not None])
            )
        self.stride, self.padding, self.dilation = (
            layers[0].stride,
            layers[0].padding,
            layers[0].dilation,
        )
        self.groups = layers[0].groups * len(layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class GroupedLinear(nn.Module):
    """R linear layers: weight ``[R, out, in]``, bias ``[R, out]``; ``[examples, R·in] -> [examples,
    R·out]``."""

    def __init__(self, layers: list[nn.Linear]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = None
        if layers[0].bias is not None:
            self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Contiguous, because with strided rows rounding would depend on R.
        x = x.unflatten(1, (len(self.weight), -1)).transpose(0, 1).contiguous()
        if self.bias is None:
            y = torch.bmm(x, self.weight.transpose(1, 2))
        else:
            y = torch.baddbmm(self.bias[:, None], x, self.weight.transpose(1, 2))
            # In another layout, the order of the bias gradient's sum would depend on R.
            if y.requires_grad:
                y.register_hook(lambda gradient: gradient.contiguous())
        return y.transpose(0, 1).flatten(1)


def _ghost_batch_norm(layers: list[GhostBatchNorm]) -> GhostBatchNorm:
    one = layers[0]
    fused = GhostBatchNorm(one.channels * len(layers), one.bn_batch_size, one.momentum, one.eps)
    fused.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]))
    fused.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]))
    fused.stands_for = one.stands_for
    if one.has_start:
        fused.start_from(
            torch.cat([layer.running_mean for layer in layers]),
            torch.cat([layer.running_var for layer in layers]),
        )
    return fused.to(one.weight.dtype)


def _group_norm(layers: list[nn.GroupNorm]) -> nn.GroupNorm:
    one = layers[0]
    fused = nn.GroupNorm(
        one.num_groups * len(layers), one.num_channels * len(layers), one.eps, one.affine
    )
    if one.affine:
        fused.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]))
        fused.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]))
    return fused


GROUPED: dict[type[nn.Module], Callable[[list], nn.Module]] = {
    nn.Conv2d: GroupedConv2d,
    nn.Linear: GroupedLinear,
    GhostBatchNorm: _ghost_batch_norm,
    nn.GroupNorm: _group_norm,
}


def grouped(layer: nn.Module, replica_layers: list[nn.Module]) -> nn.Module:
    """Fuse `replica_layers` into one layer; parameters that are frozen in `layer` stay frozen."""
    made = GROUPED[type(layer)](replica_layers)
    for name, parameter in layer.named_parameters(recurse=False):
        getattr(made, name).requires_grad_(parameter.requires_grad)
    return made


def fuse(nets: list[nn.Module]) -> nn.Module:
    """Fuse `nets` (same class, different weights) into one network; raises CannotFuse for layers
    that are not supported.

    The input is ``[examples, R·C, H, W]``, the output ``[examples, R·classes]``. Every parameter of
    the result is replica-major: ``parameter.view(R, -1)[r]`` belongs to replica r.
    """
    fused = copy.deepcopy(nets[0])
    replica_layers = [dict(net.named_modules(remove_duplicate=False)) for net in nets]
    replaced: dict[int, nn.Module] = {}  # by identity, so that a shared layer stays shared
    for path, layer in list(fused.named_modules(remove_duplicate=False)):
        if list(layer.parameters(recurse=False)) == [] and list(layer.buffers(recurse=False)) == []:
            continue
        if type(layer) not in GROUPED:
            own = [
                name
                for name, _ in [
                    *layer.named_parameters(recurse=False),
                    *layer.named_buffers(recurse=False),
                ]
            ]
            what = (
                f"layer {path} ({type(layer).__name__})"
                if path
                else f"{own[0]} of {type(layer).__name__} itself"
            )
            raise CannotFuse(f"{what} cannot be written as channel groups")
        if id(layer) not in replaced:
            replaced[id(layer)] = grouped(layer, [twin[path] for twin in replica_layers])
        if not path:
            return replaced[id(layer)]
        fused.set_submodule(path, replaced[id(layer)])
    return fused


def trained(net: nn.Module) -> list[nn.Parameter]:
    """The trainable parameters, those that are not frozen."""
    return [parameter for parameter in net.parameters() if parameter.requires_grad]


def gradients(loss: torch.Tensor, parameters: list[nn.Parameter]) -> list[torch.Tensor]:
    """The gradients of `loss` in a network as its author wrote it; zero for a parameter that it
    doesn't depend on."""
    found = found_gradients(loss, parameters)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def found_gradients(
    loss: torch.Tensor, parameters: list[nn.Parameter]
) -> list[torch.Tensor | None]:
    """The same with None for a parameter that `loss` doesn't depend on.

    By `backward`, as in a plain loop: `torch.autograd.grad` leaves out what runs backward of its
    own accord (a re-entrant ``torch.utils.checkpoint``), and takes its parameters for unused.
    """
    for parameter in parameters:
        parameter.grad = None
    loss.backward()
    found = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    return found


def joint_gradients(loss: torch.Tensor, parameters: list[nn.Parameter]) -> list[torch.Tensor]:
    """The same of several networks as one, by the call that a CUDA graph can hold."""
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
