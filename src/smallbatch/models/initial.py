"""How weights start."""

from typing import Literal

from torch import nn

from smallbatch.models.norm import Norm


def he(net: nn.Module, mode: Literal["fan_in", "fan_out"] = "fan_in") -> None:
    """Normal weights of variance 2/fan and zero biases in all convolutions and linear layers (He et
    al. 2015, section 2.2)."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def fixup(branches: list[list[nn.Conv2d]], head: nn.Linear) -> None:
    """Residual networks without norm, of He's weights: rules 1 and 2 of Fixup (Zhang, Dauphin & Ma
    2019, arXiv 1901.09321).

    `branches` are the layers with weights of each residual branch, in order. The last of each and
    `head` start at zero; the others are divided by ``len(branches) ** (1 / (2·layers - 2))``, so
    that an update changes the output by as much as in a shallow network. (Rule 3, scalar biases and
    a multiplier, would make it another network.)
    """
    for *inner, last in branches:
        for layer in inner:
            layer.weight.data.mul_(len(branches) ** (-1 / (2 * len(inner))))
        nn.init.zeros_(last.weight)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)


def is_none(norm: Norm) -> bool:
    """Whether `norm`, the function ``channels -> layer`` that a network is given, makes no norm."""
    return isinstance(norm(1), nn.Identity)
