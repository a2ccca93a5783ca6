"""The source code that a result depends on, and its digest, determined without importing it."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from smallbatch.core.errors import UserError
from smallbatch.core.import_graph import closure, contents, digest_of, file_of
from smallbatch.core.targets import arguments_of, module_of, user_roots

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
    "smallbatch.core.targets",
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
        contents(paths, user_roots(folder), WITHOUT_NUMBERS) | (files.keys() - paths.keys())
    )


def _files(modules: Iterable[str], folder: str | None) -> dict[str, Path]:
    return closure(modules, user_roots(folder), WITHOUT_NUMBERS, hints=False)


def target_files(target: str, folder: str | None) -> dict[str, Path | None]:
    """The files that define a dotted target, by module name; raises UserError if it is not found.

    For a module of this package: its file and those of its imports. For a module in the user's
    `folder` or the working directory: the files of its package and of their imports. For an
    installed module: name and version, with None as the file.
    """
    module, _, _ = target.rpartition(".")
    if not module or not all(part.isidentifier() for part in target.split(".")):
        raise UserError(f"_target_: {target!r} is not a dotted name; write package.module.Name")
    found = module_of(target, folder)
    if found is not None and found[0].name != "__init__.py":
        # After its name come a class and names in it.
        module = module.removesuffix("".join(f".{name}" for name in found[1][:-1]))
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


def accepted_arguments(target: str, folder: str | None) -> set[str] | None:
    """Names of the arguments that a target accepts; None if unknown or unlimited."""
    found = arguments_of(target, folder)
    return None if found is None or found.more else set(found.names)
