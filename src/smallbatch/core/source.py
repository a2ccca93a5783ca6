"""The source code that a result depends on, and its digest, determined without importing it."""

import ast
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from smallbatch.core.errors import UserError
from smallbatch.core.import_graph import PACKAGE, closure, contents, digest_of, file_of

# Modules that `jobs/train_missing.py` calls to compute results, and those that prepare the data.
# All of their imports count too.
TRAINING = (
    "smallbatch.training.fleet",
    "smallbatch.training.engines.device",
    "smallbatch.data.read",
)
PREPARING = ("smallbatch.data.prepare",)
# Except these imports, which name, find, report and cache things: no result depends on them.
WITHOUT_NUMBERS = {
    "smallbatch",  # the version
    "smallbatch.core.atomic",
    "smallbatch.core.user_folder",
    "smallbatch.core.errors",
    "smallbatch.core.import_graph",
    "smallbatch.core.identity",
    "smallbatch.core.provenance",
    "smallbatch.core.records",
    "smallbatch.core.source",
    "smallbatch.core.syntax",
    "smallbatch.core.text",
    "smallbatch.core.user_cache",
}


def code_digest(targets: list[str], folder: str | None) -> str:
    """Digest (8 hex digits) of the training code and of the files that define `targets` (model,
    data set).

    Targets outside the package are searched for first in `folder`, the user's conf folder. A file
    counts by its syntax tree (`syntax.py`), independent of its path; an installed package counts by
    name and version.
    """
    return _digest([*TRAINING, *PREPARING], targets, folder)


def data_digest(target: str, folder: str | None) -> str:
    """Digest of the code that prepares a data set: the code shared by all data sets, and the files
    that define `target`."""
    return _digest(PREPARING, [target], folder)


def _digest(modules: Iterable[str], targets: Iterable[str], folder: str | None) -> str:
    files: dict[str, Path | None] = {}
    files |= _files(modules, folder)
    for target in targets:
        files |= target_files(target, folder)
    paths = {name: path for name, path in files.items() if path}
    return digest_of(
        contents(paths, _user_roots(folder), WITHOUT_NUMBERS) | (files.keys() - paths.keys())
    )


def _files(modules: Iterable[str], folder: str | None) -> dict[str, Path]:
    return closure(modules, _user_roots(folder), WITHOUT_NUMBERS, hints=False)


def target_files(target: str, folder: str | None) -> dict[str, Path | None]:
    """The files that define a dotted target, by module name; raises UserError if it is not found.

    For a module of this package: its file and those of its imports. For a module in the user's
    `folder` or the working directory: the files of its package and of their imports. For an
    installed module: name and version, with None as the file.
    """
    module, _, _ = target.rpartition(".")
    if not module:
        raise UserError(f"_target_: {target!r} is not a dotted name; write package.module.Name")
    if module.startswith("smallbatch.") and not file_of(module):
        raise UserError(
            f"_target_: {target} is not in this package; there is no file {module.rpartition('.')[2]}.py"
        )
    files = _files([module], folder)
    if files:
        return dict(files)
    top = module.partition(".")[0]
    try:
        distribution = importlib.metadata.packages_distributions()[top][0]
        return {f"{distribution}=={importlib.metadata.version(distribution)}": None}
    except KeyError:
        # The standard library, or an editable install.
        if top and importlib.util.find_spec(top) is not None:
            return {f"{top} of Python {sys.version_info.major}.{sys.version_info.minor}": None}
    raise UserError(
        f"_target_: {target} was not found; write package.module.Name, with the package in the folder "
        "given by --config conf=DIR, in the working directory, or installed"
    )


def _user_roots(folder: str | None) -> list[Path]:
    """The search path for a user's modules: the conf folder, then the working directory."""
    return [Path(folder), Path.cwd()] if folder else [Path.cwd()]


def accepted_arguments(target: str, folder: str | None) -> set[str] | None:
    """Names of the arguments that a target accepts, read from its source; None if unknown."""
    module, _, name = target.rpartition(".")
    stem = Path(*module.split("."))
    for root in [PACKAGE.parent, *_user_roots(folder)]:
        path = next(
            (
                p
                for p in (root / stem.with_suffix(".py"), root / stem / "__init__.py")
                if p.is_file()
            ),
            None,
        )
        if path is not None:
            return _arguments(path, name, target)
    return None


def _arguments(path: Path, name: str, target: str) -> set[str] | None:
    body = ast.parse(path.read_bytes()).body
    node = next(
        (n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == name), None
    )
    if node is None:
        if any(_may_bind(statement, name) for statement in body):
            return None
        raise UserError(f"_target_: {path.name} defines no {name} ({target})")
    if isinstance(node, ast.ClassDef):
        node = next(
            (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None
        )
    if node is None or node.args.kwarg:
        return None
    return {a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs} - {"self"}


def _may_bind(statement: ast.stmt, name: str) -> bool:
    """Whether a statement binds `name`, or might (``import *``, ``if``, ``try``, ``with``)."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return any((alias.asname or alias.name) in (name, "*") for alias in statement.names)
    if isinstance(statement, ast.Assign):
        return any(
            isinstance(target, ast.Name) and target.id == name for target in statement.targets
        )
    return isinstance(statement, ast.If | ast.Try | ast.With)
