"""What a ``_target_`` names, read from its source without importing it: its file, its
arguments."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallbatch.core.errors import UserError
from smallbatch.core.import_graph import file_of
from smallbatch.core.syntax import valid_python

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Arguments:
    """Names of the arguments that a class or function takes."""

    names: frozenset[str]
    required: frozenset[str]
    more: bool  # it takes any others too: **kwargs


def nested_targets(value: Any, path: str) -> Iterator[tuple[str, dict]]:
    """Every mapping with a ``_target_`` in a config value, itself too, with its path."""
    if isinstance(value, dict):
        if "_target_" in value:
            yield path, value
        for key, item in value.items():
            yield from nested_targets(item, f"{path}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from nested_targets(item, f"{path}.{place}")


def targets_of(model: Any, dataset: Any) -> list[str]:
    """Every ``_target_`` of a network and a data set, nested ones too."""
    return [one["_target_"] for group in (model, dataset) for _, one in nested_targets(group, "")]


def user_roots(folder: str | None) -> list[Path]:
    """Where a user's own modules are looked for: the conf folder, then the working directory."""
    return [Path(folder), Path.cwd()] if folder else [Path.cwd()]


def module_of(target: str, folder: str | None) -> tuple[Path, list[str]] | None:
    """The file of the module that a dotted path begins with, and the names after it; None for an
    installed module."""
    parts = target.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        path = file_of(".".join(parts[:depth]), user_roots(folder))
        if path is not None:
            return path, parts[depth:]
    return None


def arguments_of(target: str, folder: str | None) -> Arguments | None:
    """The arguments of a target; None if they can't be known without importing it."""
    found = module_of(target, folder)
    if found is None:
        return None
    path, names = found
    with valid_python(path):
        body = ast.parse(path.read_bytes()).body
    inside: ast.ClassDef | None = None
    for place, name in enumerate(names):
        node = _defined(body, name)
        if node is None:
            _check_bound(body, inside, names[place:], path, target)
            return None
        if place == len(names) - 1:
            return _arguments(node, body, inside, target)
        if not isinstance(node, ast.ClassDef):
            raise UserError(f"_target_: {path.name} defines no class {name} ({target})")
        inside, body = node, node.body
    return None


def _defined(body: list[ast.stmt], name: str) -> Definition | None:
    """The class or function of that name; of several the last, which is the one that holds."""
    return next((n for n in reversed(body) if isinstance(n, Definition) and n.name == name), None)


def _check_bound(
    body: list[ast.stmt], inside: ast.ClassDef | None, names: list[str], path: Path, target: str
) -> None:
    """Raise UserError if a name that has no definition there can't come from elsewhere either."""
    name = names[0]
    imported = any(
        isinstance(statement, ast.Import)
        and any((alias.asname or alias.name.partition(".")[0]) == name for alias in statement.names)
        for statement in body
    )
    if imported:
        raise UserError(
            f"_target_: {target}: {name} is a module that {path.name} imports; name a class or "
            f"function that {path.name} defines, or imports by its name"
        )
    inherited = inside is not None and inside.bases
    if not inherited and not any(_may_bind(statement, name) for statement in body):
        raise UserError(f"_target_: {path.name} defines no {name} ({target})")


def _may_bind(statement: ast.stmt, name: str) -> bool:
    """Whether a statement imports or assigns `name`, or may do so (a star, an if, a try)."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return any((alias.asname or alias.name) in (name, "*") for alias in statement.names)
    if isinstance(statement, ast.Assign):
        return any(
            isinstance(target, ast.Name) and target.id == name for target in statement.targets
        )
    return isinstance(statement, ast.If | ast.Try | ast.With)


def _arguments(
    node: Definition, body: list[ast.stmt], inside: ast.ClassDef | None, target: str
) -> Arguments | None:
    if isinstance(node, ast.ClassDef):
        init = _constructor(node, body)
        return None if init is None else _listed(init.args, bound=True)
    if inside is None:  # a decorator may take or add arguments
        return None if node.decorator_list else _listed(node.args, bound=False)
    decorators = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
    if not node.decorator_list:
        raise UserError(
            f"_target_: {target} is a method of an object; make it a @classmethod or a @staticmethod"
        )
    if len(node.decorator_list) == 1 and decorators & {"classmethod", "staticmethod"}:
        return _listed(node.args, bound="classmethod" in decorators)
    return None


def _constructor(node: ast.ClassDef, body: list[ast.stmt]) -> ast.FunctionDef | None:
    """A class's ``__init__``, or the one that it inherits from a class in the same file."""
    own = _defined(node.body, "__init__")
    if isinstance(own, ast.FunctionDef):
        return None if own.decorator_list else own
    if len(node.bases) == 1 and isinstance(node.bases[0], ast.Name) and not node.decorator_list:
        base = _defined(body, node.bases[0].id)
        if isinstance(base, ast.ClassDef) and base is not node:
            return _constructor(base, body)
    return None


def _listed(args: ast.arguments, bound: bool) -> Arguments:
    """`bound`: the first one is the object or class, which nobody gives."""
    positional = args.posonlyargs + args.args
    without = positional[: len(positional) - len(args.defaults)][int(bound) :]
    pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    required = without + [one for one, default in pairs if default is None]
    return Arguments(
        frozenset(one.arg for one in positional[int(bound) :] + args.kwonlyargs),
        frozenset(one.arg for one in required),
        args.kwarg is not None,
    )
