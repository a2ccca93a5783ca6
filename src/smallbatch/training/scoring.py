"""Loss and accuracy of a fleet at fixed weights, and statistics for batch norm.

*Running* statistics are the usual ones, noisy for small chunks. *Exact* statistics are the averages
of chunk means and (unbiased) chunk variances over one pass of the training set, which running
statistics estimate. *Population* statistics are computed over all examples at once.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from smallbatch.models.generators import unchanged
from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.plain_values import set_values, values_of

# Memory layouts of activations, the fastest in timings.
LAYOUTS = {
    "cpu": torch.channels_last,
    "cuda": torch.contiguous_format,
}
# Images in an evaluation batch; independent of the number of replicas, for identical bits.
SLICE = 64

Pair = tuple[torch.Tensor, torch.Tensor]  # mean and variance of a layer


def norm_layers(net: torch.nn.Module) -> list[GhostBatchNorm]:
    """The batch-norm layers of a network, in the order of its modules."""
    return [layer for layer in net.modules() if isinstance(layer, GhostBatchNorm)]


def batches(images: torch.Tensor, replicas: int, multiple: int = 1) -> Iterator[torch.Tensor]:
    """Consecutive slices of `images`, each repeated for all replicas: ``[examples, R·C, H, W]``.

    Slice lengths are multiples of `multiple`; the remainder is dropped.
    """
    size = max(multiple, SLICE // multiple * multiple)
    for start in range(0, len(images), size):
        x = images[start : start + size]
        x = x[: len(x) // multiple * multiple]
        if len(x):
            yield x.repeat(1, replicas, 1, 1).contiguous(memory_format=LAYOUTS[x.device.type])


@contextlib.contextmanager
def untouched(net: torch.nn.Module) -> Iterator[None]:
    """Context of a measure, which must not change training: random generators, and what the network
    itself keeps, are afterwards what they were."""
    layers, values = norm_layers(net), values_of(net)
    kept = {name: buffer.clone() for name, buffer in net.named_buffers()}
    counted = [(layer.chunks, layer.momenta()) for layer in layers]
    try:
        with unchanged(next(net.parameters()).device):
            yield
    finally:
        with torch.no_grad():
            for name, buffer in net.named_buffers():
                buffer.copy_(kept[name])
        set_values(net, values)
        for layer, (chunks, momenta) in zip(layers, counted, strict=True):
            layer.chunks = chunks
            layer.set_momenta(momenta)


@torch.no_grad()
def score(
    net: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, replicas: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy ``[R]`` (nats) and correctness ``[R, examples]`` (bool) in evaluation
    mode."""
    net.eval()
    with untouched(net):
        logits = torch.cat([net(x).unflatten(1, (replicas, -1)) for x in batches(images, replicas)])
    losses = F.cross_entropy(
        logits.flatten(0, 1), labels.repeat_interleave(replicas), reduction="none"
    )
    losses = losses.double().view(len(labels), replicas)
    # Of logits that are not numbers the argmax is some class, which may be the label.
    correct = (logits.argmax(2) == labels[:, None]) & ~losses.isnan()
    return losses.t().contiguous().mean(1), correct.t()


@contextlib.contextmanager
def fixed_statistics(net: torch.nn.Module, statistics: list[Pair]) -> Iterator[None]:
    """Context in which norm layers evaluate with `statistics`, a (mean, variance) per layer; if
    empty, with their running statistics."""
    layers = norm_layers(net)
    if statistics:
        for layer, pair in zip(layers, statistics, strict=True):
            layer.fixed = pair
    try:
        yield
    finally:
        for layer in layers:
            layer.fixed = None


@torch.no_grad()
def exact_statistics(net: torch.nn.Module, images: torch.Tensor, replicas: int) -> list[Pair]:
    """The mean and variance of training chunks for each norm layer, averaged over one pass of
    `images`."""
    layers = norm_layers(net)
    if not layers:
        return []
    sums: list[list[Any]] = [[0.0, 0.0, 0] for _ in layers]

    def observer(total: list[Any]) -> Callable[[torch.Tensor, torch.Tensor], None]:
        def add(means: torch.Tensor, variances: torch.Tensor) -> None:
            total[0] = total[0] + means.double().t().contiguous().sum(1)
            total[1] = total[1] + variances.double().t().contiguous().sum(1)
            total[2] += len(means)

        return add

    for layer, total in zip(layers, sums, strict=True):
        layer.observer = observer(total)
    with untouched(net):
        net.train()
        for x in batches(images, replicas, multiple=layers[0].bn_batch_size):
            net(x)
    for layer in layers:
        layer.observer = None
    return [
        ((mean / n).to(layer.weight), (var / n).to(layer.weight))
        if n
        else layer.running()  # the forward does not use this layer
        for layer, (mean, var, n) in zip(layers, sums, strict=True)
    ]


@torch.no_grad()
def population_statistics(net: torch.nn.Module, images: torch.Tensor, replicas: int) -> list[Pair]:
    """The mean and variance of the input of each norm layer over all `images` at once.

    A layer's input depends on the statistics of the layers before it, so each layer needs its own
    pass.
    """
    layers = norm_layers(net)
    order = _forward_order(net, layers, images, replicas)
    net.train()
    order = [layer for layer in order if layer.training]  # frozen ones keep those they train with
    net.eval()
    for layer in layers:
        layer.fixed = layer.running()
    with untouched(net):
        _fix_in_order(net, order, images, replicas)
    statistics = [layer.fixed or layer.running() for layer in layers]
    for layer in layers:
        layer.fixed = None
    return statistics


def _fix_in_order(
    net: torch.nn.Module, order: list[GhostBatchNorm], images: torch.Tensor, replicas: int
) -> None:
    for layer in order:
        sums: list[Any] = [0.0, 0.0, 0]

        def add(_: torch.nn.Module, inputs: tuple, total: list[Any] = sums) -> None:
            x = inputs[0].double().transpose(0, 1).flatten(1)
            total[0] = total[0] + x.sum(1)
            total[1] = total[1] + x.square().sum(1)
            total[2] += x.shape[1]

        hook = layer.register_forward_pre_hook(add)
        for x in batches(images, replicas):
            net(x)
        hook.remove()
        mean = sums[0] / sums[2]
        layer.fixed = (
            mean.to(layer.weight),
            (sums[1] / sums[2] - mean.square()).clamp_(min=0).to(layer.weight),
        )


def _forward_order(
    net: torch.nn.Module, layers: list[GhostBatchNorm], images: torch.Tensor, replicas: int
) -> list[GhostBatchNorm]:
    order: list[GhostBatchNorm] = []
    hooks = [
        layer.register_forward_pre_hook(lambda module, _: order.append(module)) for layer in layers
    ]
    net.eval()
    with untouched(net):
        net(next(batches(images[:1], replicas)))
    for hook in hooks:
        hook.remove()
    return list(dict.fromkeys(order))
