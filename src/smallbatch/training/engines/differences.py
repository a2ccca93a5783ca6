"""In what a network that trains differs from the user's module (`faithful.py`)."""

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from smallbatch.core.errors import UserError
from smallbatch.models.generators import seed_all
from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.engines.limits import AT_ONCE
from smallbatch.training.engines.sharing import python_state

TIMES = 10  # as far apart as single precision, in which networks train, is from double
RUNNING = ("running_mean", "running_var", "num_batches_tracked")

Recorded = dict[str, torch.Tensor]  # what was computed, by name


def unlike(ours: Recorded, user: Recorded, exact: float, single: Recorded | None = None) -> str:
    """The first thing that differs by more than `exact`, relative to its size, and by more than
    rounding where `single` has the user's in single precision; empty if there is none."""
    for name, theirs in user.items():
        if name not in ours or ours[name].shape != theirs.shape:
            return name
        finite = theirs[theirs.isfinite()]
        allowed = exact * (1 + float(_wide(finite).abs().max() if finite.numel() else 0))
        if single is not None:
            rounding = [_distance(single[key], user[key]) for key in single]
            allowed += TIMES * max((r for r in rounding if math.isfinite(r)), default=0.0)
        if not _distance(ours[name], theirs) <= allowed:
            return name
    return ""


def _distance(one: torch.Tensor, two: torch.Tensor) -> float:
    one, two = _wide(one), _wide(two)
    same = (one == two) | (one.isnan() & two.isnan())
    return float(torch.where(same, 0.0, (one - two).abs()).max()) if one.numel() else 0.0


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """In double precision, whatever its type (boolean, say)."""
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def state_of(net: nn.Module, ghosts: nn.Module) -> Recorded:
    """Trained parameters and buffers of `net`, which is `ghosts` or the user's module.

    The running statistics of batch norm start at 0 in smallbatch's layers and at 0 and 1 in
    torch's: what these add is subtracted, and the user's module then evaluates with ours.
    """
    layers = dict(net.named_modules())
    found = {
        f"weight {path}": p.detach().clone()
        for path, p in net.named_parameters()
        if p.requires_grad
    }
    for path, buffer in net.named_buffers():
        parent, _, name = path.rpartition(".")
        if not (name in RUNNING and isinstance(layers[parent], GhostBatchNorm | _BatchNorm)):
            found[f"buffer {path}"] = buffer.detach().clone()
    for path, ghost in ghosts.named_modules():
        if isinstance(ghost, GhostBatchNorm):
            layer, start = layers[path], 0.0
            if layer is not ghost and not ghost.has_start:
                start = ghost.start_share()
            found[f"running mean of {path}"] = layer.running_mean.clone()
            found[f"running variance of {path}"] = layer.running_var - start
            if layer is not ghost:
                for own, other in zip(
                    (layer.running_mean, layer.running_var), ghost.running(), strict=True
                ):
                    own.copy_(other)
    return found


def lost(
    after: dict[str, np.ndarray],
    other: dict[str, np.ndarray],
    net: nn.Module,
    update: Callable[[], object],
) -> str:
    """What `net` keeps that a checkpoint doesn't hold, if its state `after` the last update is not
    that of the `other` that went on from one; empty if they are alike."""
    if all(np.array_equal(after[key].view(np.uint8), other[key].view(np.uint8)) for key in after):
        return ""
    before = {path: python_state(module) for path, module in net.named_modules()}
    update()
    for path, module in net.named_modules():
        now = python_state(module)
        changed = [key for key in now if now[key] != before[path].get(key)]
        if changed:
            return f"state in {f'{path}.{changed[0]}' if path else changed[0]}"
    return "state outside its modules, or a random generator of its own"


def first_other_layer(ours: nn.Module, theirs: nn.Module, images: torch.Tensor) -> str:
    """Where the outputs of the two begin to differ, in training and else in evaluation: `` from
    layer PATH (CLASS) on``, or an empty text."""
    for training in (True, False):
        seen = [_outputs(copy.deepcopy(net), images, training) for net in (ours, theirs)]
        for (path, mine), (_, of_user) in zip(*seen, strict=False):
            if path and unlike({"output": mine}, {"output": of_user}, 1e-6):
                return f", from layer {path} ({type(theirs.get_submodule(path)).__name__}) on"
    return ""


def _outputs(
    net: nn.Module, images: torch.Tensor, training: bool
) -> list[tuple[str, torch.Tensor]]:
    """The outputs of all layers of `net` in the order in which they are done."""
    seen: list[tuple[str, torch.Tensor]] = []

    def note(path: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple, output: object) -> None:
            if isinstance(output, torch.Tensor):
                seen.append((path, output.detach().clone()))

        return hook

    for path, module in net.named_modules():
        module.register_forward_hook(note(path))
    seed_all(1)
    net.train(training)
    with torch.no_grad():
        net(images.clone())
    return seen


def check_rows(net: nn.Module, images: torch.Tensor, name: str) -> None:
    """Raise UserError if batch norm gets rows that are not those of one example after another, of
    which chunks could be made."""
    net, n = copy.deepcopy(net), len(images)
    net.eval()  # in which batch norm leaves examples apart
    other = images.clone()
    other[0] = 1 - images[0] / 2
    before, after = (_norm_inputs(net, x) for x in (images, other))
    for (path, x), (_, changed) in zip(before, after, strict=False):
        rows = len(x)
        if rows == n and len(changed) == n:
            continue
        if (
            rows % n
            or len(changed) != rows
            or not torch.equal(x[rows // n :], changed[rows // n :])
        ):
            raise UserError(
                f"{name}: layer {path} gets {rows} rows for {n} examples, which are not those of one example after another, so "
                "batch norm over a number of examples is not defined; let its input be [examples, channels, ...]"
            )


def check_backward(net: nn.Module, images: torch.Tensor, name: str) -> None:
    """Raise UserError if backward runs batch norm again, which counts a batch twice for torch; over
    chunks it stops before that is done."""
    net = copy.deepcopy(net)
    net.train()
    output = net(images.clone()).sum()
    layers = [layer for layer in net.modules() if isinstance(layer, GhostBatchNorm)]
    seen = [layer.chunks for layer in layers]
    output.backward()
    if seen != [layer.chunks for layer in layers]:
        raise UserError(
            f"{name}: its backward runs batch norm again (torch.utils.checkpoint), which is not supported with a BN batch size "
            "below the batch size; leave batch norm out of checkpoints, or write grid.norm=[bn]"
        )


def check_apart(net: nn.Module, images: torch.Tensor, name: str) -> None:
    """Raise UserError for a forward that mixes the examples of a batch, which is computed piece by
    piece where it is large; batch norm over a number of examples is no such thing."""
    net, other = copy.deepcopy(net), images.clone()
    other[0] = 1 - images[0] / 2
    net.train()
    for layer in net.modules():
        if isinstance(layer, GhostBatchNorm):
            layer.eval()
    found = []
    for x in (images, other):
        seed_all(1)
        with torch.no_grad():
            found.append(net(x.clone())[1:])
    if unlike({"output": found[0]}, {"output": found[1]}, 1e-5):
        raise UserError(
            f"{name}: its forward mixes the examples of a batch (statistics of its own, say), and batches of more than {AT_ONCE} are "
            f"computed in pieces; choose grid.batch_size of {AT_ONCE} at most"
        )


def _norm_inputs(net: nn.Module, images: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    seen: list[tuple[str, torch.Tensor]] = []
    hooks = [
        layer.register_forward_pre_hook(
            lambda _, inputs, path=path: seen.append((path, inputs[0].clone()))
        )
        for path, layer in net.named_modules()
        if isinstance(layer, GhostBatchNorm)
    ]
    if hooks:
        seed_all(1)
        with torch.no_grad():
            net(images.clone())
    for hook in hooks:
        hook.remove()
    return seen
