"""Which source code a result depends on, and its digest, found without importing anything."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from smallbatch.core.errors import UserError
from smallbatch.core.import_graph import closure, contents, digest_of, file_of
from smallbatch.core.targets import arguments_of, module_of, user_roots

# What `jobs/train_missing.py` calls to turn a plan into numbers, and what makes the data. It counts
# with all that it imports.
TRAINING = (
    "smallbatch.training.fleet",
    "smallbatch.training.engines.device",
    "smallbatch.data.read",
)
PREPARING = ("smallbatch.data.prepare",)
# But for what those import to find, name, say and remember things: no number depends on it.
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
    """Digest (8 hex digits) of the training code and of the files behind `targets` (model, data
    set).

    `folder` is the user's own, where targets outside the package are looked for first. A file
    counts by what its code does (`syntax.py`), wherever it stands; an installed package by name and
    version.
    """
    return _digest([*TRAINING, *PREPARING], targets, folder)


def data_digest(target: str, folder: str | None) -> str:
    """Digest of the code that makes a data set ready for training: what prepares any, and the files
    behind `target`."""
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
    """The files that define a dotted target, by the names of their modules; raises UserError if
    there are none.

    For a module of this package: its file, and those of what it imports. For one in the user's
    `folder` or the working directory: the files of that package, and of what they import. For an
    installed one: name and version, and no file.
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
        if (
            top and importlib.util.find_spec(top) is not None
        ):  # the standard library, an editable install
            return {f"{top} of Python {sys.version_info.major}.{sys.version_info.minor}": None}
    raise UserError(
        f"_target_: {target} was not found; write package.module.Name, with the package in the folder "
        "given by --config conf=DIR, in the working directory, or installed"
    )


def accepted_arguments(target: str, folder: str | None) -> set[str] | None:
    """Names of the arguments that a target takes; None if they can't be known, or may be any."""
    found = arguments_of(target, folder)
    return None if found is None or found.more else set(found.names)
