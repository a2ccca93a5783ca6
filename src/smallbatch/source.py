"""Which source code a result depends on, and its digest, found without importing anything."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path

from smallbatch.errors import UserError

PACKAGE = Path(__file__).parent
# What turns a plan into numbers. The rest (plan, store, tables, figures, page) may change freely.
TRAINING = sorted(
    [*(PACKAGE / "training").rglob("*.py"), *(PACKAGE / "schedules").glob("*.py"), *(PACKAGE / "measures").glob("*.py")]
    + [
        PACKAGE / name
        for name in (
            "data/augment.py",
            "data/stream.py",
            "data/read.py",
            "data/prepare.py",
            "models/norm.py",
            "models/build.py",
            "locate.py",
        )
    ]
)


def code_digest(targets: list[str], folder: str | None) -> str:
    """Digest (8 hex digits) of the training code and of the files behind `targets` (model, data set).

    `folder` is the user's own, where targets outside the package are looked for first. A file counts
    by its bytes and its name within its package; an installed package by name and version.
    """
    digest = hashlib.blake2b(digest_size=4)
    for path in TRAINING:
        _add(digest, path.relative_to(PACKAGE).as_posix(), path)
    for target in sorted(targets):
        for name, path in target_files(target, folder):
            _add(digest, name, path)
    return digest.hexdigest()


@lru_cache(maxsize=1024)
def _bytes(path: Path, mtime_ns: int, size: int) -> bytes:
    return hashlib.blake2b(path.read_bytes()).digest()


def _add(digest, name: str, path: Path | None) -> None:
    digest.update(name.encode() + b"\0")
    if path is not None:
        status = path.stat()
        digest.update(_bytes(path, status.st_mtime_ns, status.st_size))


def target_files(target: str, folder: str | None) -> list[tuple[str, Path | None]]:
    """``(name, path)`` of the files that define a dotted target; raises UserError if there is none.

    For a module of this package: its file. For one in the user's `folder` or the working directory: the
    files of that package, and the local modules that they import. For an installed one: name and version.
    """
    module, _, _ = target.rpartition(".")
    if not module:
        raise UserError(f"_target_: {target!r} is no dotted name; write package.module.Name")
    if module.startswith("smallbatch."):
        path = PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")
        if not path.is_file():
            raise UserError(f"_target_: {target} is not in this package; there is no file {path.name}")
        return _of_the_package(module, path)
    top = module.partition(".")[0]
    roots = _user_roots(folder)
    if top and any(_local(root, top) for root in roots):
        return _local_files(roots, top)
    try:
        distribution = importlib.metadata.packages_distributions()[top][0]
        return [(f"{distribution}=={importlib.metadata.version(distribution)}", None)]
    except KeyError:
        if top and importlib.util.find_spec(top) is not None:  # the standard library, an editable install
            return [(f"{top} of Python {sys.version_info.major}.{sys.version_info.minor}", None)]
    raise UserError(
        f"_target_: {target} was not found; write package.module.Name, with the package in the folder "
        "given by --config conf=DIR, in the working directory, or installed"
    )


def _of_the_package(module: str, path: Path) -> list[tuple[str, Path]]:
    """A module of this package and those of its folder that it imports, and so on."""
    found, todo = {}, [(module, path)]
    while todo:
        name, path = todo.pop()
        found[name] = path
        for imported in _imports(path):
            file = PACKAGE.parent / Path(*imported.split(".")).with_suffix(".py")
            if file.parent == path.parent and file.is_file() and imported not in found:
                todo.append((imported, file))
    return sorted(found.items())


def _user_roots(folder: str | None) -> list[Path]:
    """Where a user's own modules are looked for: the conf folder, then the working directory."""
    return [Path(folder), Path.cwd()] if folder else [Path.cwd()]


def _local(root: Path, top: str) -> list[Path]:
    """The .py files of a module or package (with ``__init__.py`` or without) in a folder."""
    module, package = root / f"{top}.py", root / top
    if module.is_file():
        return [module]
    return sorted(package.rglob("*.py")) if package.is_dir() else []


def _local_files(roots: list[Path], top: str) -> list[tuple[str, Path]]:
    """``(name, path)`` of a local module's or package's files, and of those that they import, and so on.

    Imports from this package count too: a user's class may build on one of its networks.
    """
    found: dict[Path, str] = {}
    todo, done = [top], set()
    while todo:
        name = todo.pop()
        done.add(name)
        if name.startswith("smallbatch."):
            path = PACKAGE.parent / Path(*name.split(".")).with_suffix(".py")
            found |= {path: name} if path.is_file() else {}
            continue
        root = next((root for root in roots if _local(root, name)), None)
        for path in _local(root, name) if root else []:
            found[path] = path.relative_to(root).as_posix()
            todo += [imported for imported in _imports(path) if imported not in done]
    return sorted((name, path) for path, name in found.items())


def _imports(path: Path) -> set[str]:
    """Names of the modules that a file imports: top-level ones, but whole ones of this package."""
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}: line {error.lineno} is not valid Python ({error.msg})") from error
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name if name.startswith("smallbatch.") else name.partition(".")[0] for name in names}


def accepted_arguments(target: str, folder: str | None) -> set[str] | None:
    """Names of the arguments that a target takes, read from its source; None if they can't be known."""
    module, _, name = target.rpartition(".")
    stem = Path(*module.split("."))
    for root in [PACKAGE.parent, *_user_roots(folder)]:
        path = next((p for p in (root / stem.with_suffix(".py"), root / stem / "__init__.py") if p.is_file()), None)
        if path is not None:
            return _arguments(path, name, target)
    return None


def _arguments(path: Path, name: str, target: str) -> set[str] | None:
    body = ast.parse(path.read_bytes()).body
    node = next((n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == name), None)
    if node is None:
        if any(_may_bind(statement, name) for statement in body):
            return None
        raise UserError(f"_target_: {path.name} defines no {name} ({target})")
    if isinstance(node, ast.ClassDef):
        node = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if node is None or node.args.kwarg:
        return None
    return {a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs} - {"self"}


def _may_bind(statement: ast.stmt, name: str) -> bool:
    """Whether a statement imports or assigns `name`, or may do so (a star, an if, a try)."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return any((alias.asname or alias.name) in (name, "*") for alias in statement.names)
    if isinstance(statement, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == name for target in statement.targets)
    return isinstance(statement, ast.If | ast.Try | ast.With)
