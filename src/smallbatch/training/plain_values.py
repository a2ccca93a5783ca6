"""What a network keeps in Python, outside parameters and buffers: a count of its forwards, say."""

import inspect
from typing import Any

from torch import nn

from smallbatch.models.norm import GhostBatchNorm

OF_TORCH = set(vars(nn.Module()))  # attributes that every module has
SCALARS = (int, float, bool, str, type(None))

Values = dict[str, dict[str, Any]]  # path of a module -> attribute -> value


def values_of(net: nn.Module) -> Values:
    """The attributes of the modules of `net` that are numbers, texts, or lists of them: what JSON
    can hold."""
    found = {
        path: {key: _copied(value) for key, value in vars(module).items() if _is_plain(key, value)}
        for path, module in net.named_modules()
        if not isinstance(module, GhostBatchNorm)
    }
    return {path: values for path, values in found.items() if values}


def set_values(net: nn.Module, values: Values) -> None:
    """Give the modules of `net` the values that `values_of` found, where they have others."""
    for path, module in net.named_modules():
        for key, value in values.get(path, {}).items():
            if inspect.getattr_static(module, key, None) != value:
                setattr(module, key, _copied(value))


def _is_plain(key: str, value: Any) -> bool:
    if key in OF_TORCH:
        return False
    items = value if type(value) is list else [value]
    return all(type(item) in SCALARS for item in items)


def _copied(value: Any) -> Any:
    return list(value) if type(value) is list else value
