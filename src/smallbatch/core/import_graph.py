"""The files that hold a module's code: its own file and those of all direct and indirect imports.

Nothing is imported to find them. Imports inside functions, ``if`` and ``try`` count. A module whose
name is built at run time is not found (``python -m smallbatch.figures`` imports the figures this
way): pass it to these functions as well.
"""

import hashlib
import importlib.util
import os
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from smallbatch.core.syntax import UNUSED, Import, read_syntax

PACKAGE = Path(__file__).parents[1]
DATA = {".html", ".css", ".js", ".bib"}  # other files of the package that count


def source_files(*modules: str) -> list[Path]:
    """The files of this package that hold the code of ``python -m MODULE``, for several modules.

    A file that is not Python counts if a counted file in the same folder contains its name.
    """
    files = list(closure(map(_run_as, modules)).values())
    others = _package(PACKAGE)[1]
    for path in files:  # the list grows: report.html names report.css
        beside = [other for other in others if other.parent == path.parent and other not in files]
        if beside:
            text = path.read_text(encoding="utf-8")
            files += [other for other in beside if other.name in text]
    return sorted(files)


def code_of(*modules: str) -> str:
    """Digest (8 hex digits) of the code of ``python -m MODULE``, for several modules together.

    Changes of comments, docstrings, annotations and layout do not change it; neither does moving a
    file.
    """
    files = closure(map(_run_as, modules))
    others = set(source_files(*modules)) - set(files.values())
    return digest_of(
        contents(files) | {hashlib.blake2b(path.read_bytes()).hexdigest() for path in others}
    )


def digest_of(contents: Iterable[str]) -> str:
    """8 hex digits of the contents of several files, independent of their order."""
    return hashlib.blake2b("\n".join(sorted(set(contents))).encode(), digest_size=4).hexdigest()


def closure(
    modules: Iterable[str],
    roots: Collection[Path] = (),
    leave_out: Collection[str] = (),
    hints: bool = True,
) -> dict[str, Path]:
    """The files of `modules` and of all that they import, by module name.

    These are modules of this package and a user's modules in the folders `roots`; of a user's
    package every file counts. Modules in `leave_out`, and what only they import, are left out. With
    ``hints=False``, so are modules that only annotations refer to.
    """
    found, seen, todo = {}, set(leave_out), list(modules)
    while todo:
        for name, path in _files(todo.pop(), roots).items():
            if name not in seen:
                seen.add(name)
                found[name] = path
                imported = _imported(name, path, hints)
                todo += filter(_is_ours, imported) if _is_ours(name) else imported
    return found


def contents(
    files: dict[str, Path], roots: Collection[Path] = (), leave_out: Collection[str] = ()
) -> set[str]:
    """A text for the content of each file of a closure, without the names of files.

    The digest of an imported module's own code replaces its name. Two modules that differ only in
    their imports therefore count as the same module.
    """
    found = set()
    for name, path in files.items():
        syntax = read_syntax(path)
        places = () if _is_ours(name) else roots
        meant = [
            (label, _meaning(name, path, one, places, leave_out))
            for label, one in syntax.references
        ]
        # One name can refer to several imports, in different functions: these keep the order of the
        # file.
        meant.sort(key=lambda one: one if one[0] == UNUSED else one[:1])
        if not syntax.empty:
            found.add(" ".join([syntax.digest, *(text for one in meant for text in one)]))
    return found


def _meaning(
    importer: str, path: Path, imported: Import, roots: Collection[Path], leave_out: Collection[str]
) -> str:
    """What an imported name refers to: the digest of a file with a name in it, or the full name if
    the module is installed."""
    module = _absolute(importer, path, imported.module)
    whole = f"{module}.{imported.name}" if imported.name else module
    for target, name in ((whole, ""), (module, imported.name)):
        if target in leave_out:
            return f"left out {name}"
        file = file_of(target, roots)
        if file:
            return f"{read_syntax(file).digest} {name}"
    return whole


def file_of(module: str, roots: Collection[Path] = ()) -> Path | None:
    """The file of a module of this package or of a user's module in `roots`; None if not found."""
    if _is_ours(module):
        return _package(PACKAGE)[0].get(module)
    stem = os.path.join(*module.split("."))
    places = (
        root / place
        for root in roots
        for place in (f"{stem}.py", os.path.join(stem, "__init__.py"))
    )
    return next((place for place in places if place.is_file()), None)


@cache
def _package(folder: Path) -> tuple[dict[str, Path], list[Path]]:
    """The modules of a package by name, and its other files (constant while a process runs)."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".py", *DATA})
    modules = {_name(path, folder.parent): path for path in files if path.suffix == ".py"}
    return modules, [path for path in files if path.suffix != ".py"]


def _name(path: Path, root: Path) -> str:
    """The dotted name of the module in a file under `root`."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE.name


def _run_as(module: str) -> str:
    """The module that ``python -m`` runs."""
    inside = f"{module}.__main__"
    return inside if file_of(inside) else module


def _files(module: str, roots: Collection[Path]) -> dict[str, Path]:
    """The files that an import of a module reads: its own and those of its parent packages; for a
    user's package, all of its files."""
    top, *inner = module.split(".")
    if _is_ours(module):
        names = [".".join([top, *inner[:depth]]) for depth in range(len(inner) + 1)]
        return {name: path for name in names if (path := file_of(name))}
    root = next(
        (root for root in roots if (root / f"{top}.py").is_file() or (root / top).is_dir()), None
    )
    if root is None:
        return {}
    if (root / f"{top}.py").is_file():
        return {top: root / f"{top}.py"}
    return {_name(path, root): path for path in sorted((root / top).rglob("*.py"))}


def _imported(importer: str, path: Path, hints: bool) -> list[str]:
    """Names of a file's imports, each either a module or an object in a module."""
    syntax, names = read_syntax(path), []
    for module, name in syntax.imports if hints else [one for _, one in syntax.references]:
        module = _absolute(importer, path, module)
        names += [module, f"{module}.{name}"] if name else [module]
    return names


def _absolute(importer: str, path: Path, module: str) -> str:
    """The full name of a module; a relative name is resolved against the module that imports it."""
    package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
    return importlib.util.resolve_name(module, package) if module.startswith(".") else module
