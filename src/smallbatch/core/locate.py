"""Import what a ``_target_`` in a config names, and make what nested ones describe."""

import functools
import importlib
import inspect
from typing import Any

from smallbatch.core.errors import UserError, first_line, user_line


def locate(target: str) -> Any:
    """The class or function that a dotted path names: ``module.Name``, or ``module.Class.method``.

    Only classes may stand between the module and the last name: what a module has imported is not
    its own.
    """
    try:
        found, names = _module(target)
        for place, name in enumerate(names):
            if place and inspect.ismodule(found):
                raise AttributeError(f"{found.__name__} is a module imported there")
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"_target_: {target} cannot be imported ({error}); write package.module.Name, "
            "with the package in the folder given by --config conf=DIR or installed"
        ) from error
    except SystemExit as error:
        raise UserError(
            f"_target_: {target} cannot be imported, since its module ends the process ({first_line(error)}); "
            "do that in a function"
        ) from error
    except Exception as error:  # any error of a user's module
        line = user_line(error)
        raise UserError(
            f"_target_: {target} cannot be imported ({type(error).__name__}{f' in {line}' if line else ''}: "
            f"{first_line(error)})"
        ) from error
    if not callable(found):
        raise UserError(f"_target_: {target} is a {type(found).__name__}, not a class or function")
    return found


def _module(target: str) -> tuple[Any, list[str]]:
    """The module with the longest name that begins the dotted path, and the names after it."""
    parts = target.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:depth])
        try:
            return importlib.import_module(name), parts[depth:]
        except ModuleNotFoundError as error:
            # The path may name a class in a module; what that module itself lacks is an error.
            if depth == 1 or error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
    raise ValueError("no module is named")


def instantiate(value: Any) -> Any:
    """A config value with the objects that its nested ``_target_`` describe, as Hydra makes them.

    With ``_partial_: true`` it is a function that still takes the arguments which are missing.
    """
    if isinstance(value, list):
        return [instantiate(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {
        key: instantiate(item)
        for key, item in value.items()
        if key not in ("_target_", "_partial_")
    }
    if "_target_" not in value:
        return made
    target = locate(value["_target_"])
    return functools.partial(target, **made) if value.get("_partial_") else target(**made)
