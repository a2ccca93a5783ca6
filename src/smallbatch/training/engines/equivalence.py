"""A way to train replicas together is taken only after a comparison with the replicas apart."""

import copy
from collections.abc import Callable, Iterable

import torch
from torch import nn

from smallbatch.training.engines.groups import CannotFuse, gradients, joint_gradients, trained
from smallbatch.training.engines.limits import PROBE_WIDTHS
from smallbatch.training.engines.sharing import MODES
from smallbatch.training.heap import give_back
from smallbatch.training.scoring import SLICE


def verified(
    make: Callable, nets: list[nn.Module], shape: tuple[int, ...], examples: int, way: str
) -> None:
    """Compare the network ``make(nets)`` with `nets` apart in double precision; raises CannotFuse
    if they differ.

    Two replicas with random weights and inputs of `shape` ``(C, H, W)``, twice in training mode,
    then in evaluation mode: outputs, gradients and buffers must agree to 1e-9. `way` is what the
    reason calls `make`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            pair = [_as_double(net) for net in (nets * 2)[:2]]
            joined = make(pair)
            for training in MODES:
                x = torch.randn(examples, 2, *shape, dtype=torch.float64).to(
                    next(pair[0].parameters()).device
                )
                for net in (joined, *pair):
                    net.train(training)  # which a user's class may have without ``return self``
                changed = _difference(joined, pair, x)
                if changed:
                    raise CannotFuse(
                        f"its {changed} changes when replicas stand side by side {way}"
                    )
        except CannotFuse:
            raise
        except (
            Exception
        ) as error:  # whatever a user's forward raises when its tensors are not its own
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CannotFuse(f"its forward fails {way} ({line})") from error


def _difference(joined: nn.Module, pair: list[nn.Module], x: torch.Tensor) -> str | None:
    """What `joined` computes otherwise than `pair` for `x` ``[examples, 2, C, H, W]``, or None."""
    with torch.set_grad_enabled(joined.training):
        outputs = [net(x[:, r].contiguous()) for r, net in enumerate(pair)]
        apart = torch.stack(outputs, 1).detach()
        together = joined(x.flatten(1, 2).contiguous(memory_format=torch.channels_last)).unflatten(
            1, (2, -1)
        )
    if not _agree([together.transpose(0, 1)], [apart.transpose(0, 1)]):
        return "output"
    if not joined.training:
        return None
    weight = torch.randn_like(apart)
    ours = joint_gradients((together * weight).sum(), trained(joined))
    theirs = [
        gradients((outputs[r] * weight[:, r]).sum(), trained(net)) for r, net in enumerate(pair)
    ]
    if not _agree(ours, _stacked(theirs)):
        return "gradient"
    return None if _agree(joined.buffers(), _stacked([net.buffers() for net in pair])) else "buffer"


def rounds_alike(
    make: Callable,
    nets: list[nn.Module],
    shape: tuple[int, ...],
    examples: int,
    spare: int,
    most: int,
) -> bool:
    """Whether two replicas get the same bits beside each other and among more, wherever they stand
    there.

    That is `PROBE_WIDTHS`, up to `most` replicas, as many as ever train at once.

    In single precision: outputs and gradients in training, outputs in evaluation. The last `spare`
    replicas of a crowd are none that count. What differs is mostly the end of a tensor, which a
    processor takes element by element; so agreement here is strong evidence, and no proof, for
    other widths.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pair = [_moved(copy.deepcopy(net)) for net in (nets * 2)[:2]]
        inputs = [
            (True, torch.randn(examples, 2, *shape)),
            *((False, torch.randn(n, 2, *shape)) for n in (SLICE, 21)),
        ]
        widths = (2 + spare, *(width for width in PROBE_WIDTHS if width <= most + spare))
        seen = {width: _bits(make, pair, inputs, width) for width in widths}
    few = seen.pop(2 + spare)
    return all(
        torch.equal(one[r], few_one[r % 2])
        for width, many in seen.items()
        for one, few_one in zip(many, few, strict=True)
        for r in range(width - spare)
    )


def _bits(make: Callable, pair: list[nn.Module], inputs: list, width: int) -> list[torch.Tensor]:
    """Outputs and gradients ``[R, ...]`` of `width` replicas, the two of `pair` in turn, for
    `inputs`."""
    give_back()
    which = [r % 2 for r in range(width)]
    joined, found = make([copy.deepcopy(pair[r]) for r in which]), []
    for training, x in inputs:
        joined.train(training)
        with torch.set_grad_enabled(training):
            y = joined(x[:, which].flatten(1, 2).contiguous(memory_format=torch.channels_last))
        y = y.unflatten(1, (width, -1))
        found.append(y.detach().transpose(0, 1))
        if training:
            made = joint_gradients(y.square().sum(), trained(joined))
            found += [g.reshape(width, -1) for g in made]
    return found


def _stacked(pair: Iterable[Iterable[torch.Tensor]]) -> list[torch.Tensor]:
    return [torch.stack(both) for both in zip(*pair, strict=True)]


def _agree(ours: Iterable[torch.Tensor], theirs: Iterable[torch.Tensor]) -> bool:
    return all(
        one.numel() == two.numel()
        and torch.allclose(
            one.reshape(2, -1), two.reshape(2, -1), rtol=1e-9, atol=1e-9, equal_nan=True
        )
        for one, two in zip(ours, theirs, strict=True)
    )


def _as_double(net: nn.Module) -> nn.Module:
    """A copy in double precision with its weights moved a little, so that none are alike or
    zero."""
    return _moved(copy.deepcopy(net).double())


def _moved(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net
