"""What is tried out on a network before its points train, so that a mistake is one sentence in the
first second."""

import copy
import math
import traceback
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from smallbatch.core.errors import UserError, first_line, user_line
from smallbatch.core.records import Fleet
from smallbatch.data.read import Data
from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.engines.groups import gradients, trained
from smallbatch.training.engines.limits import piece_of
from smallbatch.training.engines.modules import row_major
from smallbatch.training.scoring import SLICE


def try_out(net: nn.Module, data: Data, fleet: Fleet, say: Callable[[str], None]) -> None:
    """A batch forward and backward through `net`, and one of another size in evaluation; raises
    UserError, naming network, file and line, if that fails."""
    name, norm = f"model {fleet['model']['_target_']}", _grid_norm(fleet)
    _check_copyable(net, name)
    _check_parameters(net, name, data.train.images.dtype)
    m = piece_of(fleet["batch_size"], fleet.get("bn_batch_size"))
    x = row_major(data.train.images[:m].clone())  # a forward may write into its input
    net.train()
    seen = _norms_seen(net)
    try:
        y = net(x)
    except Exception as error:  # whatever a user's forward raises
        say("".join(traceback.format_exception(error)))
        _blame_one_value(seen, name, norm)
        raise UserError(
            f"{name}: its forward fails{_where(error)} on a batch of shape {list(x.shape)} ({type(error).__name__}: {error})"
        ) from error
    _check_output(y, m, data.classes, name)
    _check_logits(y, name)
    try:
        found = gradients(F.cross_entropy(y, data.train.labels[:m]), trained(net))
    except Exception as error:
        say("".join(traceback.format_exception(error)))
        raise UserError(
            f"{name}: backward fails{_where(error)} on a batch of shape {list(x.shape)} ({type(error).__name__}: {first_line(error)})"
        ) from error
    if any(gradient.is_sparse for gradient in found):
        raise UserError(f"{name}: sparse gradients are not supported; leave out sparse=True")
    _try_evaluation(net, data, m, name, say)


def _try_evaluation(
    net: nn.Module, data: Data, m: int, name: str, say: Callable[[str], None]
) -> None:
    """The smallest batch that evaluation has, of another size than those of training."""
    splits = (data.train, data.validation, data.test)
    sizes = {min(SLICE, len(s.labels)) for s in splits} | {len(s.labels) % SLICE for s in splits}
    n = min(sizes - {0, m}, default=0)
    if not n:
        return
    x = row_major(data.train.images[:n].clone())
    net.eval()
    try:
        with torch.no_grad():
            y = net(x)
    except Exception as error:
        say("".join(traceback.format_exception(error)))
        raise UserError(
            f"{name}: its forward takes the {m} examples of an update, and fails{_where(error)} on the {n} of a batch in "
            f"evaluation ({type(error).__name__}: {first_line(error)}); take their number from the input, len(x)"
        ) from error
    _check_output(y, n, data.classes, name)


def _check_output(y: object, m: int, classes: int, name: str) -> None:
    if not isinstance(y, torch.Tensor) or y.shape != (m, classes):
        shape = list(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__
        raise UserError(
            f"{name}: its output is {shape}, but the data set has {classes} classes; return [{m}, {classes}]"
        )


def _check_logits(y: torch.Tensor, name: str) -> None:
    """The loss is ``cross_entropy``, which applies softmax: after another one nothing trains well,
    and nothing would say why."""
    if y.min() >= 0 and torch.allclose(y.sum(1), torch.ones_like(y[:, 0]), atol=1e-4):
        raise UserError(
            f"{name}: its output is probabilities, which are not negative and sum to 1; return logits, "
            "without a softmax at the end, since the loss applies it"
        )


def _check_copyable(net: nn.Module, name: str) -> None:
    """Engines copy a network, which torch can't do with tensors that were computed from others."""
    for path, layer in net.named_modules():
        for key, value in vars(layer).items():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                where = f"layer {path} ({type(layer).__name__})" if path else "it"
                raise UserError(
                    f"{name}: {where} keeps a tensor that is computed from its parameters ({key}), so it cannot be copied; "
                    "compute it in forward, and in place of torch.nn.utils.weight_norm use torch.nn.utils.parametrizations.weight_norm"
                )
    try:
        copy.deepcopy(net)
    except Exception as error:  # whatever a module holds: an open file, a lock
        raise UserError(
            f"{name}: it cannot be copied ({type(error).__name__}: {first_line(error)}); keep what cannot be out of the module"
        ) from error


def _check_parameters(net: nn.Module, name: str, dtype: torch.dtype) -> None:
    if not trained(net):
        raise UserError(f"{name}: it has no parameters to train")
    for path, parameter in net.named_parameters():
        if parameter.requires_grad and parameter.dtype != dtype:
            raise UserError(
                f"{name}: its parameter {path} is of type {parameter.dtype}, and only {dtype} is trained; "
                "keep it in that type (a complex number as two) and convert it in forward"
            )


def _norms_seen(net: nn.Module) -> list[tuple[str, GhostBatchNorm, torch.Size]]:
    """Filled while forwards run: the batch-norm layers and the shapes of their input."""
    seen: list[tuple[str, GhostBatchNorm, torch.Size]] = []
    for path, layer in net.named_modules():
        if isinstance(layer, GhostBatchNorm):
            layer.register_forward_pre_hook(
                lambda layer, inputs, path=path: seen.append((path, layer, inputs[0].shape))
            )
    return seen


def _blame_one_value(
    seen: list[tuple[str, GhostBatchNorm, torch.Size]], name: str, norm: str
) -> None:
    """Raise UserError if the last batch norm that ran had one value of each channel."""
    if not seen:
        return
    path, layer, (rows, _, *positions) = seen[-1]
    if layer.training and layer.rows_of(rows) * math.prod(positions) == 1:
        raise UserError(
            f"{norm}, but layer {path} of {name} has one value of each channel in an example, and batch norm over one value is 0; "
            "choose 2 or more, or grid.norm=[none]"
        )


def _grid_norm(fleet: Fleet) -> str:
    m, b = fleet["batch_size"], fleet.get("bn_batch_size")
    return f"grid.batch_size: {m} with grid.norm=bn" if b == m else f"grid.norm: bn:{b}"


def _where(error: Exception) -> str:
    line = user_line(error)
    return f" in {line}" if line else ""
