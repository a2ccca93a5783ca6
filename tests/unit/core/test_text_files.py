"""Text files are UTF-8, whatever the locale."""

import ast

from smallbatch.core.import_graph import PACKAGE

OPENED = {"read_text", "write_text", "open"}


def without_encoding(text: str) -> list[int]:
    """The lines of calls that read or write a text file in the encoding of the locale."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or "encoding" in {one.arg for one in node.keywords}:
            continue
        called = node.func
        method = isinstance(called, ast.Attribute) and called.attr in OPENED - {"open"}
        opened = isinstance(called, ast.Name) and called.id == "open"
        mode = node.args[1].value if opened and len(node.args) > 1 else ""
        if method or (opened and "b" not in mode):
            found.append(node.lineno)
    return found


def test_calls_without_an_encoding_are_found():
    text = (
        "open(a)\nopen(a, 'rb')\np.read_text()\np.write_text(x, encoding='utf-8')\nopen(a, 'w')\n"
    )
    assert without_encoding(text) == [1, 3, 5]


def test_every_text_file_is_opened_as_utf_8():
    for path in PACKAGE.rglob("*.py"):
        assert not without_encoding(path.read_text(encoding="utf-8")), path
