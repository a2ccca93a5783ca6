"""From a model's config to a network with the norm and the initial weights of one point."""

import inspect

import torch
from torch import nn

from smallbatch.errors import UserError
from smallbatch.locate import locate
from smallbatch.models.norm import GhostBatchNorm, norm_layer


def build(model: dict, shape: tuple[int, int, int], classes: int, norm: str, bn_batch_size: int | None, seed: int):
    """The network of one point, initialised from `seed` alone.

    `model` holds ``_target_`` (``package.module.Class``) and its keyword arguments. Of ``in_channels``,
    ``image_size``, ``classes`` and ``norm`` (the function ``channels -> layer``) the constructor is
    given those that it names. Batch-norm layers of torch in a network that doesn't name ``norm`` get
    the BN batch size of the point. `shape` is that of one image ``(channels, height, width)``.
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
    arguments |= {name: value for name, value in model.items() if name not in ("_target_", "name")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            net = target(**arguments)
        except (TypeError, ValueError) as error:
            given = ", ".join(arguments) or "nothing"
            raise UserError(f"model {model['_target_']}: it cannot be made from {given} ({error})") from error
    if "norm" not in asked:
        _set_bn_batch_size(net, model["_target_"], norm, bn_batch_size)
    return net


def _set_bn_batch_size(net: nn.Module, target: str, norm: str, bn_batch_size: int | None) -> None:
    """Replace torch's batch-norm layers by ghost batch norm over `bn_batch_size` examples."""
    layers = [
        (path, layer) for path, layer in net.named_modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)
    ]
    if layers and norm == "none":
        raise UserError(
            f"grid.norm: none, but {target} has batch-norm layers ({layers[0][0]}); "
            "write grid.norm=[bn], or let its constructor take norm and build the layers with it"
        )
    if not layers and norm != "none":
        raise UserError(
            f"grid.norm: {norm}, but {target} has no batch-norm layer and its constructor takes no norm; "
            "write grid.norm=[none]"
        )
    for path, layer in layers:
        ghost = GhostBatchNorm(layer.num_features, bn_batch_size, layer.momentum or 0.1, layer.eps)
        if layer.affine:
            ghost.weight, ghost.bias = layer.weight, layer.bias
        else:
            ghost.requires_grad_(False)
        net.set_submodule(path, ghost)
