"""The argument ``norm`` of a network's constructor: a function ``channels -> layer``."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from smallbatch.core.errors import UserError
from smallbatch.models.norm import Norm

FUNCTION = {"Callable", "Norm"}  # words of an annotation that says so
VALUE = {"str", "bool", "int", "Literal"}  # of one that gives the argument another meaning
# Layers of torch that `none` promises to be without, where a constructor takes ``norm``.
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm)


def takes_norm(constructor: Callable[..., Any]) -> bool:
    """Whether a constructor surely means such a function by ``norm``.

    That is an argument without a default, or annotated as ``Callable`` or ``Norm``. One that has a
    default (None, a text, a layer) is the author's own, as is one annotated as a text or number.
    """
    asked = inspect.signature(constructor).parameters.get("norm")
    if asked is None:
        return False
    written = asked.annotation
    text = written if isinstance(written, str) else inspect.formatannotation(written)
    words = set(re.findall(r"\w+", re.sub(r"Callable\[\[[^]]*\]", "Callable", text)))
    if asked.annotation is not inspect.Parameter.empty and words & VALUE:
        return False
    return asked.default is inspect.Parameter.empty or bool(words & FUNCTION)


def of_channels_alone(norm: Norm, target: str) -> Norm:
    """The same function; it raises UserError where it is called with more than a number of
    channels."""

    def make(*given: Any, **named: Any) -> nn.Module:
        if len(given) != 1 or named:
            more = ", ".join(named) or f"{len(given)} arguments"
            raise UserError(
                f"model {target}: it calls norm with {more}, and norm takes the number of channels alone; "
                "write norm(channels), and set what else a layer has (its eps) afterwards"
            )
        return norm(given[0])

    return make


def check_made(net: nn.Module, target: str, norm: str, made: list[nn.Module]) -> None:
    """Raise UserError unless the norm layers of a network that takes ``norm`` are those that the
    function `made` for it; for `none` there must be none."""
    layers = set(net.modules())
    if norm != "none" and not layers & set(made):
        raise UserError(
            f"grid.norm: {norm}, but {target} puts in no layer that its argument norm makes, so all norms would be one network; "
            "call norm(channels) where a norm layer belongs, or give the argument another name"
        )
    own = [path for path, layer in net.named_modules() if _is_torch_bn(layer)]
    if own:
        raise UserError(
            f"grid.norm: {norm}, but {target} has batch-norm layers of its own ({own[0]}) beside those that its argument norm "
            "makes; build all of them with norm, or none"
        )
    others = [(path, layer) for path, layer in net.named_modules() if isinstance(layer, NORMS)]
    if norm == "none" and others:
        path, layer = others[0]
        raise UserError(
            f"grid.norm: none, but {target}, whose argument norm makes its norm layers, has one of its own ({path}, "
            f"{type(layer).__name__}); build it with norm(channels), or leave the argument out"
        )


def _is_torch_bn(layer: nn.Module) -> bool:
    return issubclass(type(layer), _BatchNorm)
