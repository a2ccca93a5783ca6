"""Import what a ``_target_`` in a config names."""

import importlib
from typing import Any

from smallbatch.core.errors import UserError


def locate(target: str) -> Any:
    """The object that a dotted path names."""
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"_target_: {target} cannot be imported ({error}); write package.module.Name, "
            "with the package in the folder given by --config conf=DIR or installed"
        ) from error
