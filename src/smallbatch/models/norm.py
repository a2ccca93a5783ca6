"""Batch norm over chunks of the batch (ghost batch norm; Hoffer, Hubara & Soudry 2017, arXiv
1705.08741)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

VECTOR = 8  # channels that a processor takes at once: batch_norm rounds those that are left over in another way

Norm = Callable[[int], nn.Module]  # channels -> layer


class _Repeat(torch.autograd.Function):
    """``vector.repeat(k)``, whose gradient is summed channel by channel, alike however many
    channels there are."""

    @staticmethod
    def forward(context: Any, vector: torch.Tensor, k: int) -> torch.Tensor:
        context.k = k
        return vector.repeat(k)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient.view(context.k, -1).t().contiguous().sum(1), None


class GhostBatchNorm(nn.Module):
    """Batch norm whose statistics are those of `bn_batch_size` consecutive examples.

    Input and output ``[examples, channels, *positions]``. In training every chunk is normalised by
    its own mean and (biased) variance; `bn_batch_size` = batch size is ordinary batch norm.
    Evaluation uses, by default, the running statistics: averages of the chunks' means and unbiased
    variances with `momentum`, chunk by chunk in order, as ``torch.nn.BatchNorm2d`` keeps them, but
    started at zero and divided by ``1 - (1 - momentum)**chunks`` (no start bias; Kingma & Ba 2015,
    section 3), or the product over the chunks where a forward changes the momentum. `fixed` replaces them by other statistics (exact, population:
    `training/scoring.py`).

    Where a layer of torch came with running statistics (`start_from`), these go on from there, as
    torch has them. An example may have several rows of the input, one after another (tokens, say):
    a chunk is then all rows of `bn_batch_size` of the `examples` that the network was given.

    Channels are independent, so one layer with R·C channels is R replicas of a layer with C.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, channels: int, bn_batch_size: int, momentum: float = 0.1, eps: float = 1e-5):
        super().__init__()
        self.channels = channels
        self.bn_batch_size = bn_batch_size
        self.momentum = momentum
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.zeros(channels))
        self.chunks = 0  # chunks seen by the running statistics
        # The share of their start in them at the chunk since which they have the momentum `counted`.
        self.share, self.since, self.counted = 1.0, 0, momentum
        self.has_start = False  # whether these started from statistics that the network came with
        self.stands_for: type[nn.Module] | None = None  # the class of torch whose place it takes
        self.examples: int | None = None  # of the batch that the network was given
        self.fixed: tuple[torch.Tensor, torch.Tensor] | None = (
            None  # (mean, variance) for evaluation
        )
        # of a batch's chunks in the running statistics, and the momentum that they belong to
        self.weights: torch.Tensor | None = None
        self.weighed = momentum
        # Gets the chunk statistics of training batches ``[chunks, channels]`` in place of
        # `update_running`.
        self.observer: Callable[[torch.Tensor, torch.Tensor], None] | None = None

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """For ``isinstance``, which users freeze batch norm by: also the class that it stands for."""
        return vars(self).get("stands_for") or type(self)

    def rows_of(self, rows: int) -> int:
        """How many of the `rows` of an input a chunk has."""
        return self.bn_batch_size * (rows // self.examples if self.examples else 1)

    def start_from(self, mean: torch.Tensor, var: torch.Tensor) -> None:
        """Let the running statistics start from these, which need no correction then."""
        self.has_start = True
        self.running_mean.copy_(mean)
        self.running_var.copy_(var)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            mean, var = self.fixed or self.running()
            return F.batch_norm(x, mean, var, self.weight, self.bias, False, 0.0, self.eps)
        b = self.rows_of(x.shape[0])
        k = x.shape[0] // b
        if (
            k == 1 and not self.observer and x.shape[1] % VECTOR == 0
        ):  # one call, which keeps running statistics itself
            self.count(1)
            mean, var = self.running_mean, self.running_var
            return F.batch_norm(x, mean, var, self.weight, self.bias, True, self.momentum, self.eps)
        channels = k * self.channels
        spare = -channels % VECTOR
        rows = x.ndim != 4 or (k == 1 and x.is_contiguous())
        memory = torch.contiguous_format if rows else torch.channels_last
        weight: torch.Tensor = self.weight
        bias: torch.Tensor = self.bias
        # Chunks become channels: [k·b, C, ...] -> [b, k·C, ...], so that one call normalises them
        # all; momentum 1 makes batch_norm hand out the statistics of this batch.
        if k > 1:
            x = (
                x.unflatten(0, (k, b))
                .transpose(0, 1)
                .flatten(1, 2)
                .contiguous(memory_format=memory)
            )
            weight, bias = _Repeat.apply(weight, k), _Repeat.apply(bias, k)
        if spare:
            x = F.pad(x, (0, 0) * (x.ndim - 2) + (0, spare)).contiguous(memory_format=memory)
            weight, bias = F.pad(weight, (0, spare)), F.pad(bias, (0, spare))
        # in single precision where activations are in bfloat16
        mean = self.weight.new_zeros(channels + spare)
        var = torch.zeros_like(mean)
        y = F.batch_norm(x, mean, var, weight, bias, True, 1.0, self.eps)
        if (
            k > 1 or spare
        ) and y.requires_grad:  # batch_norm's backward is 10 times slower on another layout
            y.register_hook(lambda gradient: gradient.contiguous(memory_format=memory))
        y, mean, var = y[:, :channels], mean[:channels], var[:channels]
        if k > 1:
            y = y.unflatten(1, (k, self.channels)).transpose(0, 1).flatten(0, 1)
        (self.observer or self.update_running)(
            mean.view(k, self.channels), var.view(k, self.channels)
        )
        return y

    def update_running(self, means: torch.Tensor, variances: torch.Tensor) -> None:
        """Fold chunk statistics ``[chunks, channels]`` into the running averages, in order.

        k steps of ``r <- (1 - a) r + a s_i`` are ``(1 - a)^k r + sum_i a (1 - a)^(k-1-i) s_i``.
        """
        k = len(means)
        if self.weights is None or self.weights.shape != (k,) or self.weighed != self.momentum:
            age = torch.arange(k - 1, -1, -1, dtype=means.dtype, device=means.device)
            self.weights = self.momentum * (1 - self.momentum) ** age
            self.weighed = self.momentum
        for running, seen in ((self.running_mean, means), (self.running_var, variances)):
            running.mul_((1 - self.momentum) ** k).add_(
                (seen.t().contiguous() * self.weights).sum(1)
            )
        self.count(k)

    def count(self, chunks: int) -> None:
        """Count `chunks` as folded into the running statistics with the present momentum."""
        if self.counted != self.momentum:
            self.share, self.since, self.counted = self.start_share(), self.chunks, self.momentum
        self.chunks += chunks

    def start_share(self) -> float:
        """The share of their start in the running statistics, the product of all ``1 - momentum``."""
        return self.share * (1 - self.counted) ** (self.chunks - self.since)

    def momenta(self) -> list[float]:
        """What a forward that changes the momentum changes, beside the number of chunks."""
        return [self.momentum, self.share, self.since, self.counted]

    def set_momenta(self, momenta: list[float]) -> None:
        """Go on from what `momenta` found."""
        self.momentum, self.share, since, self.counted = momenta
        self.since = int(since)

    def running(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Running mean and variance, start bias corrected; mean 0 and variance 1 before any
        chunk."""
        if self.has_start:
            return self.running_mean, self.running_var
        seen = 1 - self.start_share()
        if not seen:
            return torch.zeros_like(self.running_mean), torch.ones_like(self.running_var)
        return self.running_mean / seen, self.running_var / seen


def tell_examples(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """A pre-hook of a network's forward that tells its batch norm how many examples there are."""
    for layer in net.modules():
        if type(layer) is GhostBatchNorm:
            layer.examples = len(inputs[0])


def groups_of(channels: int) -> int:
    """The most groups of 16 channels or more into which `channels` can be divided evenly (Wu & He
    2018, arXiv 1803.08494, table 3)."""
    return next(groups for groups in range(max(1, channels // 16), 0, -1) if channels % groups == 0)


def norm_layer(norm: str, bn_batch_size: int | None) -> Norm:
    """The function ``channels -> layer`` that a network is given for norm `none`, `bn` or `gn`."""
    if norm == "none":
        return lambda channels: nn.Identity()
    if norm == "bn" and bn_batch_size is not None:
        return lambda channels: GhostBatchNorm(channels, bn_batch_size)
    if norm == "gn":
        return lambda channels: nn.GroupNorm(groups_of(channels), channels)
    raise ValueError(f"unknown norm {norm!r}")
