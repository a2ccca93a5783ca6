"""From a model's config to a network with the norm and the initial weights of one point."""

import inspect
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from smallbatch.core.errors import UserError, first_line, user_line
from smallbatch.core.locate import instantiate, locate
from smallbatch.core.records import ModelSettings
from smallbatch.models.generators import seeded
from smallbatch.models.norm import GhostBatchNorm, Norm, norm_layer, tell_examples
from smallbatch.models.norm_argument import check_made, of_channels_alone, takes_norm

NEEDS_IMAGES = 2  # of a dry batch


class AnyBatchNorm(_BatchNorm):
    """Torch's batch norm for input of any number of axes."""

    def _check_input_dim(self, input: torch.Tensor) -> None:
        pass


def build(
    model: ModelSettings,
    shape: tuple[int, int, int],
    classes: int,
    norm: str,
    bn_batch_size: int | None,
    seed: int,
) -> nn.Module:
    """The network of one point, initialised from `seed` alone.

    `model` holds ``_target_`` (``package.module.Class``) and its keyword arguments, in
    which nested ``_target_`` are instantiated from the same seed. Of
    ``in_channels``, ``image_size``, ``classes`` and ``norm`` (the function ``channels -> layer``)
    the constructor is given those that it names. Batch-norm layers of torch in a network that
    doesn't name ``norm`` get the BN batch size of the point. `shape` is that of one image
    ``(channels, height, width)``.
    """
    made: list[nn.Module] = []

    def make(channels: int) -> nn.Module:
        made.append(norm_layer(norm, bn_batch_size)(channels))
        return made[-1]

    with seeded(seed):
        net = construct(model, shape, classes, make)
    if _is_given_norm(model):
        check_made(net, model["_target_"], norm, made)
    else:
        _set_bn_batch_size(net, model["_target_"], norm, bn_batch_size)
    if any(isinstance(layer, GhostBatchNorm) for layer in net.modules()):
        net.register_forward_pre_hook(tell_examples)
    net.train()  # in which a user's class may freeze parameters
    return net


def as_written(
    model: ModelSettings, shape: tuple[int, int, int], classes: int, norm: str
) -> nn.Module:
    """The network as its constructor makes it, no layer replaced; where that takes ``norm``, batch
    norm is torch's."""
    return construct(
        model, shape, classes, AnyBatchNorm if norm == "bn" else norm_layer(norm, None)
    )


def _is_given_norm(model: ModelSettings) -> bool:
    """Whether the constructor gets the function ``norm``: a key of the study has another meaning."""
    return "norm" not in model and takes_norm(locate(model["_target_"]))


def construct(
    model: ModelSettings, shape: tuple[int, int, int], classes: int, norm: Norm
) -> nn.Module:
    """What the ``_target_`` of `model` makes of its arguments, with lazy layers initialised; raises
    UserError."""
    target = locate(model["_target_"])
    offered: dict[str, Any] = {
        "in_channels": shape[0],
        "image_size": shape[1],
        "classes": classes,
    }
    if _is_given_norm(model):
        offered["norm"] = of_channels_alone(norm, model["_target_"])
    asked = inspect.signature(target).parameters
    arguments = {name: value for name, value in offered.items() if name in asked}
    own = {name: value for name, value in model.items() if name not in ("_target_", "name")}
    arguments |= own
    try:
        net = target(**arguments | instantiate(own))
    except UserError:
        raise
    except Exception as error:  # any error of a user's constructor
        given, line = ", ".join(arguments) or "nothing", user_line(error)
        raise UserError(
            f"model {model['_target_']}: it cannot be made from {given} ({first_line(error)}{f' in {line}' if line else ''})"
        ) from error
    if not isinstance(net, nn.Module):
        raise UserError(
            f"model {model['_target_']}: it makes a {type(net).__name__}, which is not a torch.nn.Module; "
            "name a class or function that makes one"
        )
    compiled = [m for m in net.modules() if isinstance(m, torch.jit.ScriptModule)]
    if compiled or type(net).__name__ == "OptimizedModule":
        raise UserError(
            f"model {model['_target_']}: it is compiled (torch.jit or torch.compile), so its layers cannot be seen; name the module itself"
        )
    _initialise_lazy(net, model["_target_"], shape)
    return net


def _initialise_lazy(net: nn.Module, target: str, shape: tuple[int, int, int]) -> None:
    """Give lazy layers of `net` their shapes by a dry batch, as its author would before making an
    optimizer."""
    if not _lazy(net):
        return
    net.eval()  # nothing but shapes is learnt from the batch
    try:
        with torch.no_grad():
            net(torch.zeros(NEEDS_IMAGES, *shape))
    except Exception as error:  # whatever a user's forward raises
        raise UserError(
            f"model {target}: its lazy layers cannot be initialised, since its forward fails on a batch of shape "
            f"{[NEEDS_IMAGES, *shape]} ({first_line(error)}); give them their sizes"
        ) from error
    net.train()
    if _lazy(net):
        raise UserError(
            f"model {target}: {_lazy(net)[0]} is a lazy layer that its forward does not use; give it its size"
        )


def _lazy(net: nn.Module) -> list[str]:
    return [
        path
        for path, layer in net.named_modules()
        if any(
            tensor is not None and is_lazy(tensor)
            for tensor in [*layer._parameters.values(), *layer._buffers.values()]
        )
    ]


def _set_bn_batch_size(net: nn.Module, target: str, norm: str, bn_batch_size: int | None) -> None:
    """Replace torch's batch-norm layers by ghost batch norm over `bn_batch_size` examples."""
    places = [
        (path, layer)
        # a layer may stand in several places
        for path, layer in net.named_modules(remove_duplicate=False)
        if isinstance(layer, _BatchNorm)
    ]
    if places and norm != "bn":
        raise UserError(
            f"grid.norm: {norm}, but {target} has batch-norm layers ({places[0][0]}); "
            "write grid.norm=[bn], or let its constructor take norm and build the layers with it"
        )
    if not places and norm != "none":
        raise UserError(
            f"grid.norm: {norm}, but {target} has no batch-norm layer and its constructor takes no norm (an argument of that name "
            "without a default, or annotated as Callable); write grid.norm=[none]"
        )
    if bn_batch_size is None:
        return
    ghosts: dict[nn.Module, GhostBatchNorm] = {}
    for path, layer in places:
        if layer not in ghosts:
            ghosts[layer] = _ghost(layer, f"model {target}: {path}", bn_batch_size)
        net.set_submodule(path, ghosts[layer])


def _ghost(layer: _BatchNorm, name: str, bn_batch_size: int) -> GhostBatchNorm:
    """The layer that takes the place of torch's `layer`, with its weights and statistics."""
    _check_replaceable(layer, name)
    assert layer.running_mean is not None and layer.running_var is not None  # it tracks them
    assert layer.momentum is not None
    ghost = GhostBatchNorm(layer.num_features, bn_batch_size, layer.momentum, layer.eps)
    ghost.requires_grad_(False)  # what torch's layer doesn't have stays 1 and 0
    for part in ("weight", "bias"):
        if getattr(layer, part) is not None:
            setattr(ghost, part, getattr(layer, part))
    ghost = ghost.to(layer.running_mean.dtype)
    ghost.stands_for = type(layer)
    ghost.train(layer.training)
    if layer.running_mean.any() or (layer.running_var != 1).any():
        ghost.start_from(layer.running_mean, layer.running_var)
    return ghost


def _check_replaceable(layer: _BatchNorm, name: str) -> None:
    """Raise UserError for batch norm that would lose something of its own."""
    if not layer.track_running_stats or not layer.momentum:
        raise UserError(
            f"{name} keeps no running averages with a momentum (track_running_stats={layer.track_running_stats}, "
            f"momentum={layer.momentum}), which evaluation needs; leave both as torch has them"
        )
    kind = type(layer)
    if kind.forward not in (_BatchNorm.forward, nn.SyncBatchNorm.forward):
        raise UserError(
            f"{name} is a {kind.__name__}, a subclass of torch's batch norm with a forward of its own, which the batch norm "
            f"over a part of the batch that takes its place would lose; write what it adds as a layer after nn.BatchNorm2d"
        )
    hooks = (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks)
    if any(hooks) or layer._backward_pre_hooks or parametrize.is_parametrized(layer):
        raise UserError(
            f"{name} has hooks or parametrizations, which the batch norm over a part of the batch that takes its place would "
            "lose; put them on the layer before or after it"
        )
