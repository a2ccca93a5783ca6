"""From a model's config to a network with the norm and the initial weights of one point."""

import copy
import inspect

import torch
from torch import nn

from smallbatch.core.errors import UserError
from smallbatch.core.locate import instantiate, locate
from smallbatch.core.records import ModelSettings
from smallbatch.models.norm import GhostBatchNorm, norm_layer


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
    target = locate(model["_target_"])
    offered = {
        "in_channels": shape[0],
        "image_size": shape[1],
        "classes": classes,
        "norm": norm_layer(norm, bn_batch_size),
    }
    asked = inspect.signature(target).parameters
    arguments = {name: value for name, value in offered.items() if name in asked}
    own = {name: value for name, value in model.items() if name not in ("_target_", "name")}
    arguments |= own
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            net = target(**arguments | instantiate(own))
        except (TypeError, ValueError) as error:
            given = ", ".join(arguments) or "nothing"
            raise UserError(
                f"model {model['_target_']}: it cannot be made from {given} ({error})"
            ) from error
    if not isinstance(net, nn.Module):
        raise UserError(
            f"model {model['_target_']}: it made an object of {type(net).__name__}, not of torch.nn.Module"
        )
    if "norm" not in asked:
        _set_bn_batch_size(net, model["_target_"], norm, bn_batch_size)
    return net


def _set_bn_batch_size(net: nn.Module, target: str, norm: str, bn_batch_size: int | None) -> None:
    """Replace torch's batch-norm layers by ghost batch norm over `bn_batch_size` examples."""
    places = [
        (path, layer)
        # a layer may stand in several places
        for path, layer in net.named_modules(remove_duplicate=False)
        if isinstance(layer, nn.modules.batchnorm._BatchNorm)
    ]
    if places and norm != "bn":
        raise UserError(
            f"grid.norm: {norm}, but {target} has batch-norm layers ({places[0][0]}); "
            "write grid.norm=[bn], or let its constructor take norm and build the layers with it"
        )
    if not places and norm != "none":
        raise UserError(
            f"grid.norm: {norm}, but {target} has no batch-norm layer and its constructor takes no norm; "
            "write grid.norm=[none]"
        )
    if bn_batch_size is None:
        return
    ghosts: dict[nn.Module, GhostBatchNorm] = {}
    for path, layer in places:
        if layer not in ghosts:
            ghosts[layer] = _ghost(layer, f"model {target}: {path}", bn_batch_size)
        net.set_submodule(path, ghosts[layer])


def _ghost(layer: nn.modules.batchnorm._BatchNorm, name: str, bn_batch_size: int) -> GhostBatchNorm:
    """The layer that takes the place of torch's `layer`, with its weights."""
    if isinstance(layer, nn.modules.lazy.LazyModuleMixin):
        raise UserError(f"{name} is a lazy layer; give it its number of channels")
    if not layer.track_running_stats or not layer.momentum:
        raise UserError(
            f"{name} keeps no running averages with a momentum (track_running_stats={layer.track_running_stats}, "
            f"momentum={layer.momentum}), which evaluation needs; leave both as torch has them"
        )
    ghost = GhostBatchNorm(layer.num_features, bn_batch_size, layer.momentum, layer.eps)
    if layer.affine:
        ghost.weight, ghost.bias = layer.weight, layer.bias
    else:
        ghost.requires_grad_(False)
    assert layer.running_mean is not None  # it tracks running statistics
    return ghost.to(layer.running_mean.dtype)


def check_norms(net: nn.Module, shape: tuple[int, int, int], examples: int) -> None:
    """Raise UserError if batch norm of torch runs in a forward of `net`: one that is not among its
    modules.

    Such a layer, kept in a list or a lambda, would normalise over the whole batch whatever the grid
    says.
    """
    seen = []
    handle = nn.modules.module.register_module_forward_pre_hook(lambda layer, _: seen.append(layer))
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            copy.deepcopy(net).train()(torch.zeros(examples, *shape))
    finally:
        handle.remove()
    hidden = [layer for layer in seen if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if hidden:
        raise UserError(
            f"model {type(net).__name__}: its forward uses a {type(hidden[0]).__name__} that is not among its modules; "
            "keep layers in nn.ModuleList or nn.ModuleDict in place of a list or dict"
        )
