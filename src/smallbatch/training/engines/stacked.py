"""Fuse R networks into one: stack their parameters and run the module's forward with
``torch.func.vmap``.

PyTorch converts each operation of the forward into one over all replicas. This supports networks
that channel groups do not: layer norm, attention, custom parameters, and views with explicit sizes.
vmap does not support random numbers, branches on values, and batch norm that updates running
statistics. Networks with the first two train one by one; batch norms are replaced by one ghost
batch norm over all replicas' channels.
"""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.engines.groups import CannotFuse, grouped
from smallbatch.training.engines.modules import row_major


class _HandOver(torch.autograd.Function):
    """Call ``layer(x)`` outside vmap: x is ``[examples, C, ...]``, and the layer receives
    ``[examples, R·C, ...]``.

    vmap calls the ``vmap`` method below instead of ``forward``; autograd records its operations as
    usual.
    """

    @staticmethod
    def forward(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
        return layer(x)

    @staticmethod
    def setup_context(context: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, x: torch.Tensor, layer: nn.Module
    ) -> tuple[torch.Tensor, int]:
        if in_dims[0] is None:  # x is the same for all replicas
            x, in_dims = x.expand(info.batch_size, *x.shape), (0,)
        x = _keep_layout(x).movedim(in_dims[0], 1).flatten(1, 2)
        y = layer(x.contiguous()).unflatten(1, (info.batch_size, -1)).transpose(0, 1)
        return row_major(y), 0


def _keep_layout(x: torch.Tensor) -> torch.Tensor:
    """`x` with a contiguous gradient; in another layout, the order of sums over examples would
    depend on R."""
    x = x.view_as(x)
    if x.requires_grad:
        x.register_hook(lambda gradient: gradient.contiguous())
    return x


class BesideOneAnother(nn.Module):
    """A layer over the channels of all replicas, for use inside a network under vmap."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _HandOver.apply(x, self.layer)


class Stacked(nn.Module):
    """Fuses `nets` (same class, different weights): ``[examples, R·C, H, W] -> [examples,
    R·classes]``.

    `net` is the module of one replica with stacked parameters and buffers ``[R, ...]``; under vmap,
    its forward uses those of one replica. Shared and frozen parameters stay shared and frozen.
    """

    def __init__(self, nets: list[nn.Module]):
        super().__init__()
        self.replicas = len(nets)
        self.net = copy.deepcopy(nets[0])
        replica_layers = [dict(net.named_modules(remove_duplicate=False)) for net in nets]
        _hand_over_norms(self.net, replica_layers)
        # (name, module, attribute) of each tensor to replace in a forward.
        self.slots: list[tuple[str, nn.Module, str]] = []
        stacked: dict[torch.Tensor, torch.Tensor] = {}  # to keep shared parameters shared
        for path, module in self.net.named_modules():
            if isinstance(module, GhostBatchNorm):
                continue
            for name, one in [
                *module.named_parameters(recurse=False),
                *module.named_buffers(recurse=False),
            ]:
                if one not in stacked:
                    rows = torch.stack(
                        [getattr(twin[path], name).detach() for twin in replica_layers]
                    )
                    stacked[one] = (
                        nn.Parameter(rows, one.requires_grad)
                        if isinstance(one, nn.Parameter)
                        else rows
                    )
                setattr(module, name, stacked[one])
                self.slots.append((f"{path}.{name}" if path else name, module, name))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        own = {slot: getattr(module, name) for slot, module, name in self.slots}
        x = row_major(x.unflatten(1, (self.replicas, -1)).transpose(0, 1))
        with _plain_attention():
            y = torch.func.vmap(self._one, randomness="error")(own, x)
        return _keep_layout(y).transpose(0, 1).flatten(1)

    def _one(self, own: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        # `own` includes tied weights.
        return torch.func.functional_call(self.net, own, (x,), tie_weights=False)


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    """Context with attention as matrix products: PyTorch's fused kernels have no vmap rule and
    would be called once per replica."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _hand_over_norms(net: nn.Module, replica_layers: list[dict[str, nn.Module]]) -> None:
    """Replace each ghost batch norm of `net` by one layer over all replicas' channels."""
    made: dict[nn.Module, nn.Module] = {}  # to keep shared layers shared
    for path, layer in list(net.named_modules(remove_duplicate=False)):
        if isinstance(layer, GhostBatchNorm):
            if layer not in made:
                made[layer] = BesideOneAnother(
                    grouped(layer, [twin[path] for twin in replica_layers])
                )
            net.set_submodule(path, made[layer])


class Unfolded(nn.Conv2d):
    """A convolution as a matrix product of its weights and the unfolded image, which needs k·k
    times the image's memory.

    Under vmap, it becomes a batched product over replicas and examples, while an ordinary
    convolution becomes one with R times the groups. On GPUs, thousands of products of small
    matrices are faster.
    """

    def _conv_forward(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        if self.padding_mode != "zeros" or isinstance(self.padding, str):
            raise CannotFuse(
                f"a convolution with padding {self.padding} of mode {self.padding_mode} is not unfolded"
            )
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        sizes = zip(x.shape[2:], self.padding, reach, self.stride, strict=True)
        height, width = (
            (n + 2 * padding - size) // stride + 1 for n, padding, size, stride in sizes
        )
        columns = torch.nn.functional.unfold(
            x, self.kernel_size, self.dilation, self.padding, self.stride
        )
        columns = columns.unflatten(1, (self.groups, -1))
        # [m, groups, out / groups, positions]
        y = weight.flatten(1).unflatten(0, (self.groups, -1)) @ columns
        y = y.flatten(1, 2).unflatten(2, (height, width))
        return y if bias is None else y + bias[:, None, None]


def products(nets: list[nn.Module]) -> Stacked:
    """`nets` under vmap, with convolutions as batched products."""
    stacked = Stacked(nets)
    for layer in stacked.net.modules():
        if type(layer) is nn.Conv2d:
            layer.__class__ = Unfolded
    return stacked
