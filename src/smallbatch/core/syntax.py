"""The part of a Python file that can change a result: its syntax tree without documentation.

Comments, layout, docstrings, annotations and the names of imported files are left out. Two kinds of
annotations are kept, because a program can inspect them: those of class fields (``dataclass``) and
those of decorated functions (``functools.singledispatch``). Code that reads ``__doc__``, line
numbers or its own source is not detected. The digest of a file is the same on every supported
version of Python.
"""

import ast
import contextlib
import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from smallbatch.core.errors import UserError
from smallbatch.core.user_cache import remember, remembered

# The position implies load or store, u"x" equals "x", and type parameters are annotations.
IGNORED_FIELDS = {"ctx", "kind", "type_comment", "type_ignores", "type_params"}
UNUSED = ""  # label of an unused import: other files can import it from this one


class Import(NamedTuple):
    """``import module`` (`name` is None) or ``from module import name``; a relative module begins
    with dots."""

    module: str
    name: str | None


class Syntax(NamedTuple):
    """The code of a file, without the code of its imports."""

    digest: str  # of everything except import statements
    empty: bool  # no code and no imports
    imports: list[Import]  # including those in functions
    # (label of the name in the code, import), without names that only annotations use
    references: list[tuple[str, Import]]


@contextlib.contextmanager
def valid_python(path: Path) -> Iterator[None]:
    """Raise UserError where parsing the file `path` raises SyntaxError."""
    try:
        yield
    except SyntaxError as error:
        raise UserError(f"{path}: line {error.lineno} is not valid Python ({error.msg})") from error


def read_syntax(path: Path) -> Syntax:
    """The code of a file; raises UserError if it isn't valid Python."""
    status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _read(path: Path, mtime_ns: int, size: int) -> Syntax:
    """Parsing this package takes 0.4 s, so the result is cached for other processes."""
    content = path.read_bytes()
    name = f"syntax/{hashlib.blake2b(content, key=_this_version(), digest_size=16).hexdigest()}"
    found = remembered(name)
    if found is None:
        with valid_python(path):
            found = syntax_of(content)._asdict()
        remember(name, found)
    imports = [Import(*one) for one in found["imports"]]
    return Syntax(
        found["digest"],
        found["empty"],
        imports,
        [(label, Import(*one)) for label, one in found["references"]],
    )


@cache
def _this_version() -> bytes:
    return hashlib.blake2b(Path(__file__).read_bytes(), digest_size=16).digest()


def syntax_of(content: bytes) -> Syntax:
    """The code in a file's content; raises SyntaxError if it is invalid."""
    stripping = _Stripping()
    tree = stripping.visit(ast.parse(content))
    writing = _Writing({name for name, _ in stripping.bound})
    writing.write(tree)
    references = [
        (writing.labels.get(name, UNUSED), imported)
        for name, imported in stripping.bound
        if name in writing.labels or name not in stripping.in_annotations
    ]
    digest = hashlib.blake2b("".join(writing.text).encode(), digest_size=16).hexdigest()
    return Syntax(
        digest,
        not (tree.body or references),
        [imported for _, imported in stripping.bound],
        references,
    )


class _Stripping(ast.NodeTransformer):
    """Removes imports, annotations and statements without effect from a tree; records the imports
    and the names in annotations."""

    def __init__(self) -> None:
        self.bound: list[tuple[str, Import]] = []  # (the name that is bound, import)
        self.in_annotations: set[str] = set()
        self._in_class = False

    def visit_Import(self, node: ast.Import) -> None:
        self.bound += [
            (alias.asname or alias.name.partition(".")[0], Import(alias.name, None))
            for alias in node.names
        ]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self.bound += [
            (alias.asname or alias.name, Import(module, alias.name)) for alias in node.names
        ]

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Drop the empty parts that Python 3.12 has in some f-strings."""
        node.values = [
            value
            for value in node.values
            if not (isinstance(value, ast.Constant) and value.value == "")
        ]
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._visit_scope(node, in_class=True)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if not node.decorator_list:
            a = node.args
            self._note(node.returns)
            node.returns = None
            for arg in filter(None, [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg]):
                self._note(arg.annotation)
                arg.annotation = None
        return self._visit_scope(node, in_class=False)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if self._in_class:
            return self.generic_visit(node)
        self._note(node.annotation)
        return (
            self.visit(ast.Assign(targets=[node.target], value=node.value)) if node.value else None
        )

    def _visit_scope(self, node: ast.AST, in_class: bool) -> ast.AST:
        outside, self._in_class = self._in_class, in_class
        self.generic_visit(node)
        self._in_class = outside
        return node

    def _note(self, annotation: ast.AST | None) -> None:
        if annotation:
            self.in_annotations |= {
                node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)
            }


class _Writing:
    """Writes a tree as text that is unique to the tree and the same for all versions of Python.

    Imported names become labels in the order of their first use: the text contains neither module
    names nor names given by ``as``.
    """

    def __init__(self, imported: set[str]) -> None:
        self.text: list[str] = []
        self.labels: dict[str, str] = {}
        self._imported = imported

    def write(self, node: ast.AST) -> None:
        if isinstance(node, ast.Constant):
            # ascii(), because the characters that repr() escapes depend on the version.
            self.text.append(f"={node.value!a}")
            return
        self.text.append(f"({type(node).__name__}")
        for field, value in ast.iter_fields(node):
            # Versions of Python differ in these fields.
            if value is None or value == [] or field in IGNORED_FIELDS:
                continue
            self.text.append(f" {field}")
            # The name of an attribute or keyword belongs to another scope.
            local = not isinstance(node, ast.Attribute | ast.keyword)
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, ast.AST):
                    self.write(item)
                else:
                    self.text.append(f" {self._name(item) if local else item}")
        self.text.append(")")

    def _name(self, item: object) -> str:
        if item in self._imported:
            return self.labels.setdefault(item, f"@{len(self.labels)}")
        return f"{item!a}"
