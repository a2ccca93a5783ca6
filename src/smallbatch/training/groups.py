"""R networks as one: the replicas' channels side by side, each layer a grouped one.

Activations are ``[examples, R·C, H, W]``, replica after replica. A convolution of R replicas is one
convolution with R times the groups, R batch norms are one over R·C channels, R linear layers one
batched product; ReLU, pooling, residual sums and ``flatten(1)`` need no change. So replacing the layers
of an ordinary module is enough for most networks, and `verified` says whether it was.
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from smallbatch.models.norm import GhostBatchNorm


class CannotFuse(Exception):
    """The network can't be written as channel groups; the text says why."""


class GroupedConv2d(nn.Module):
    """R convolutions: weight ``[R·out, in/groups, k, k]``, bias ``[R·out]``."""

    def __init__(self, layers: list[nn.Conv2d]):
        super().__init__()
        self.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]))
        self.bias = None
        if layers[0].bias is not None:
            self.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]))
        self.options = (layers[0].stride, layers[0].padding, layers[0].dilation, layers[0].groups * len(layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight, self.bias, *self.options)


class GroupedLinear(nn.Module):
    """R linear layers: weight ``[R, out, in]``, bias ``[R, out]``; ``[examples, R·in] -> [examples, R·out]``."""

    def __init__(self, layers: list[nn.Linear]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = None
        if layers[0].bias is not None:
            self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.unflatten(1, (len(self.weight), -1)).transpose(0, 1)
        if self.bias is None:
            y = torch.bmm(x, self.weight.transpose(1, 2))
        else:
            y = torch.baddbmm(self.bias[:, None], x, self.weight.transpose(1, 2))
            if y.requires_grad:  # the bias gradient is a sum whose order would depend on R in another layout
                y.register_hook(lambda gradient: gradient.contiguous())
        return y.transpose(0, 1).flatten(1)


def _ghost_batch_norm(layers: list[GhostBatchNorm]) -> GhostBatchNorm:
    one = layers[0]
    fused = GhostBatchNorm(one.channels * len(layers), one.bn_batch_size, one.momentum, one.eps)
    fused.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]))
    fused.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]))
    return fused.to(one.weight.dtype)


def _group_norm(layers: list[nn.GroupNorm]) -> nn.GroupNorm:
    one = layers[0]
    fused = nn.GroupNorm(one.num_groups * len(layers), one.num_channels * len(layers), one.eps, one.affine)
    if one.affine:
        fused.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]))
        fused.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]))
    return fused


GROUPED = {
    nn.Conv2d: GroupedConv2d,
    nn.Linear: GroupedLinear,
    GhostBatchNorm: _ghost_batch_norm,
    nn.GroupNorm: _group_norm,
}


def fuse(nets: list[nn.Module]) -> nn.Module:
    """One network that computes all of `nets` (same class, own weights); raises CannotFuse.

    Input ``[examples, R·C, H, W]``, output ``[examples, R·classes]``. Every parameter of the result is
    replica-major: ``parameter.view(R, -1)[r]`` is that of replica r.
    """
    fused = copy.deepcopy(nets[0])
    twins = [dict(net.named_modules(remove_duplicate=False)) for net in nets]
    replaced: dict[int, nn.Module] = {}  # by identity, so that a shared layer stays shared
    for path, layer in list(fused.named_modules(remove_duplicate=False)):
        if list(layer.parameters(recurse=False)) == [] and list(layer.buffers(recurse=False)) == []:
            continue
        if type(layer) not in GROUPED:
            raise CannotFuse(f"{path or 'the network itself'} ({type(layer).__name__}) has parameters of its own")
        if id(layer) not in replaced:
            grouped = replaced[id(layer)] = GROUPED[type(layer)]([twin[path] for twin in twins])
            for name, parameter in layer.named_parameters(recurse=False):
                getattr(grouped, name).requires_grad_(parameter.requires_grad)
        if not path:
            return replaced[id(layer)]
        fused.set_submodule(path, replaced[id(layer)])
    return fused


def verified(nets: list[nn.Module], shape: tuple[int, ...], examples: int) -> None:
    """Compare `fuse` with the separate networks in double precision; raises CannotFuse if they differ.

    Two replicas with random weights and inputs of `shape` ``(C, H, W)``, in training mode: outputs and
    gradients must agree to 1e-9.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pair = [copy.deepcopy(net).double().train() for net in (nets * 2)[:2]]
        with torch.no_grad():
            for net in pair:
                for parameter in net.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
        x = torch.randn(examples, 2, *shape, dtype=torch.float64)
        fused = fuse(pair)
        try:
            together = fused(x.flatten(1, 2)).unflatten(1, (2, -1))
            apart = torch.stack([net(x[:, r]) for r, net in enumerate(pair)], 1)
        except Exception as error:  # whatever a user's forward raises when the channels are not its own
            raise CannotFuse(f"its forward fails on grouped channels ({error})") from error
        if together.shape != apart.shape or not torch.allclose(together, apart, rtol=1e-9, atol=1e-9):
            raise CannotFuse("its output changes when replicas stand side by side")
        weight = torch.randn_like(apart)
        ours = gradients((together * weight).sum(), trained(fused))
        theirs = [gradients((apart[:, r] * weight[:, r]).sum(), trained(net)) for r, net in enumerate(pair)]
        for one, *two in zip(ours, *theirs, strict=True):
            if not torch.allclose(one.reshape(2, -1), torch.stack(two).reshape(2, -1), rtol=1e-9, atol=1e-9):
                raise CannotFuse("its gradients change when replicas stand side by side")


def trained(net: nn.Module) -> list[nn.Parameter]:
    """The parameters that are trained: those that aren't frozen."""
    return [parameter for parameter in net.parameters() if parameter.requires_grad]


def gradients(loss: torch.Tensor, parameters: list[nn.Parameter]) -> list[torch.Tensor]:
    """The gradients of `loss`; zero for a parameter that it doesn't depend on."""
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
