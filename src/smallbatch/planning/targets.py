"""What the model's and data set's ``_target_`` are checked for before anything is imported: which
code may be called, and whether its arguments fit."""

import functools
import importlib.machinery
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from smallbatch.core.errors import UserError
from smallbatch.core.import_graph import PACKAGE
from smallbatch.core.records import StudyConfig
from smallbatch.core.source import target_files
from smallbatch.core.targets import arguments_of, module_of, nested_targets, user_roots

# Keys that are no arguments, and those that are given beside the own ones.
ABOUT = {
    "model": {"name", "_target_"},
    "dataset": {"name", "_target_", "shape", "classes", "sizes", "mirror", "download"},
}
OFFERED = {
    "model": {"in_channels", "image_size", "classes", "norm"},
    "dataset": ABOUT["dataset"] | {"files"},
}
# Installed code that a study may name, since it makes networks or parts of them. Any other is named
# by a file of the user's: a line of YAML alone runs nothing else.
INSTALLED = (
    "torch.nn.",
    "torchvision.models.",
    "torchvision.ops.",
    "timm.create_model",
    "timm.models.",
    "timm.layers.",
)
OWN = {"model": "smallbatch.models.", "dataset": "smallbatch.data."}
# Keys of Hydra's instantiate that are not supported.
RESERVED = ("_args_", "_recursive_", "_convert_")
# Modules that many packages bring by mistake, and that nothing imports.
HARMLESS = {"tests", "examples", "docs", "scripts", "benchmarks"}


def check_targets(config: StudyConfig, folder: str | None) -> None:
    """Raise UserError for code that a study may not name, and for arguments that it doesn't take or
    lacks."""
    _check_names(folder)
    groups: tuple[tuple[str, Any], ...] = (
        ("model", config["model"]),
        ("dataset", config["dataset"]),
    )
    for group, settings in groups:
        for path, one in nested_targets(settings, group):
            _check_allowed(path, group, one["_target_"], folder)
            for key in (*RESERVED, "_partial_") if one is settings else RESERVED:
                if key in one:
                    raise UserError(f"{path}.{key}: not supported; write arguments by their names")
            if one is settings:
                _check_own(group, settings, folder)
            elif group == "dataset":
                raise UserError(f"{path}._target_: nested ones are supported in model only")
            else:
                given = one.keys() - {"_target_", "_partial_"}
                _check_arguments(
                    path, one["_target_"], given, given, folder, bool(one.get("_partial_"))
                )


def _check_own(group: str, settings: dict[str, Any], folder: str | None) -> None:
    target = settings["_target_"]
    found = arguments_of(target, folder)
    if group == "model" and found is not None and "name" in found.names:
        raise UserError(
            f"model.name: it labels the network and is not passed on, but {target} has an argument "
            "of that name; rename the argument"
        )
    own = {key for key, value in settings.items() if value is not None}
    given = own | OFFERED[group]
    _check_arguments(group, target, own - ABOUT[group], given, folder, False)


def _check_arguments(
    path: str,
    target: str,
    own: Collection[str],
    given: Collection[str],
    folder: str | None,
    partial: bool,
) -> None:
    """`own` are the keys that the target must take, `given` all that it may be given."""
    found = arguments_of(target, folder)
    if found is None:
        return
    for key in sorted(set(own) - found.names if not found.more else ()):
        raise UserError(
            f"{path}.{key}: {target} takes no such argument (known: {', '.join(sorted(found.names))}); "
            f"leave it out, by ~{path}.{key} if the file that {path.partition('.')[0]}= names has it"
        )
    for key in sorted(found.required - set(given) if not partial else ()):
        raise UserError(f"{path}.{key}: missing; {target} needs it")


def _check_allowed(path: str, group: str, target: Any, folder: str | None) -> None:
    if not isinstance(target, str):
        raise UserError(
            f"{path}._target_: {target!r} is not a dotted name; write package.module.Name"
        )
    found = module_of(target, folder)
    if found is None:
        target_files(target, folder)  # raises UserError where there is no such package
        allowed = group == "model" and target.startswith(INSTALLED)
    else:
        ours = found[0].is_relative_to(PACKAGE)
        allowed = not ours or target.startswith(OWN[group])
    if not allowed:
        raise UserError(
            f"{path}._target_: {target} is not code that a study may name; import it in a file in the "
            "folder of --config conf=DIR, and name it there (MODULE.Name)"
        )


def _check_names(folder: str | None) -> None:
    """Raise UserError for a module of the user's with the name of one of Python's or of a package:
    one of them would hide the other."""
    roots = user_roots(folder)
    elsewhere = [path for path in sys.path if path and not any(_same(path, root) for root in roots)]
    for root in roots:
        # Nothing imports Python's own tests either, and working directories often have a test.py.
        free = HARMLESS if folder and _same(folder, root) else HARMLESS | {"test"}
        for path in sorted(root.glob("*.py")) + sorted(root.glob("*/__init__.py")):
            name = path.parent.name if path.name == "__init__.py" else path.stem
            if name not in free and _is_taken(name, tuple(elsewhere)):
                what = "Python" if name in sys.stdlib_module_names else "an installed package"
                raise UserError(
                    f"{path}: {what} has a module {name}, and one would hide the other; rename yours"
                )


def _same(path: str, root: Path) -> bool:
    return Path(path).resolve() == root.resolve()


@functools.cache
def _is_taken(name: str, elsewhere: tuple[str, ...]) -> bool:
    if name in sys.stdlib_module_names:
        return True
    found = importlib.machinery.PathFinder.find_spec(name, elsewhere)
    return found is not None and found.origin is not None
