"""The files behind a module and their digest, of made-up packages and of this one."""

import shutil
import sys
from pathlib import Path

import pytest

from smallbatch.core import import_graph
from smallbatch.core.import_graph import closure, code_of, source_files

MADE = {
    "__init__.py": "",
    "main.py": "from made.deep.numbers import twice\n\nprint(twice(3))\n",
    "lazy.py": "def f():\n    try:\n        from made.deep import numbers\n    except ImportError:\n        import json\n",
    "deep/__init__.py": "",
    "deep/numbers.py": "from made import helper\n\n\ndef twice(x):\n    return 2 * helper.plain(x)\n",
    "helper.py": "from made import main  # which imports this one\n\n\ndef plain(x):\n    return x\n",
    "other.py": "def plain(x):\n    return -x\n",
    "page/__init__.py": "",
    "page/__main__.py": "TEMPLATE = 'page.html'\n",
    "page/page.html": "{% include 'page.css' %}",
    "page/page.css": "",
    "page/unused.css": "",
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Writes a package `made` with some files replaced or (None) left out, and makes it the one
    that is looked at."""
    number = iter(range(100))

    def write(**files: str | None) -> Path:
        root = tmp_path / str(next(number)) / "made"
        changed = {name.replace("__", "/") + ".py": text for name, text in files.items()}
        for name, text in (MADE | changed).items():
            if text is not None:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
        monkeypatch.setattr(import_graph, "PACKAGE", root)
        return root

    return write


def names(root: Path, *modules: str) -> list[str]:
    return [path.relative_to(root).as_posix() for path in source_files(*modules)]


def test_what_is_imported_counts_and_what_that_imports_with_the_packages_that_they_lie_in(made):
    root = made()
    used = ["__init__.py", "deep/__init__.py", "deep/numbers.py", "helper.py", "main.py"]
    assert names(root, "made.main") == used
    assert names(root, "made.lazy") == sorted([*used, "lazy.py"])
    assert names(root, "made.other") == ["__init__.py", "other.py"]
    assert names(root, "made.other", "made.main") == sorted([*used, "other.py"])


def test_what_a_module_names_and_has_beside_it_counts(made):
    assert names(made(), "made.page") == [
        "__init__.py",
        "page/__init__.py",
        "page/__main__.py",
        "page/page.css",
        "page/page.html",
    ]


def test_relative_imports_are_followed(made):
    root = made(
        deep__numbers="from .. import helper\nfrom . import more\n",
        deep__more="from ..other import plain\n",
    )
    assert {"helper.py", "deep/more.py", "other.py"} <= set(names(root, "made.main"))


def test_a_module_that_moves_with_all_that_imports_it_changes_nothing(made):
    before = made() and code_of("made.main")
    moved = MADE["main.py"].replace("made.deep.numbers", "made.sums")
    made(main=moved, deep__numbers=None, sums=MADE["deep/numbers.py"])
    assert code_of("made.main") == before
    renamed = MADE["deep/numbers.py"].replace("helper", "assistant")
    made(deep__numbers=renamed, helper=None, assistant=MADE["helper.py"])
    assert code_of("made.main") == before
    made(
        helper=None,
        deep__numbers="from made.deep import assistant as a\ndef twice(x): return 2 * a.plain(x)\n",
        deep__assistant=MADE["helper.py"],
    )
    assert code_of("made.main") == before


def test_an_operator_counts_in_whatever_module_it_stands(made):
    before = made() and code_of("made.main")
    made(deep__numbers=MADE["deep/numbers.py"].replace("2 *", "2 +"))
    assert code_of("made.main") != before
    made(helper=MADE["helper.py"].replace("return x", "return +x"))
    assert code_of("made.main") != before
    made(other="x = 1\n")
    assert code_of("made.main") == before


def test_a_name_taken_from_another_module_counts_even_if_both_are_used_before_and_after(made):
    both = "from made import helper as a, other as b\n"
    made(main=f"{both}print(a.plain(1), b.plain(2))\n")
    one = code_of("made.main")
    made(main=f"{both}print(b.plain(1), a.plain(2))\n")
    assert code_of("made.main") != one
    two = "def f():\n    from made.{} import plain\n    return plain(1)\ndef g():\n    from made.{} import plain\n    return plain(2)\n"
    made(main=two.format("helper", "other"))
    one = code_of("made.main")
    made(main=two.format("other", "helper"))
    assert code_of("made.main") != one


def test_a_file_that_is_not_python_counts_by_its_bytes(made):
    before = made() and code_of("made.page")
    (made() / "page" / "page.css").write_text("p {}")
    assert code_of("made.page") != before


def test_what_is_left_out_is_not_followed_and_does_not_count(made):
    made()
    assert set(closure(["made.main"], leave_out=["made.helper"])) == {
        "made",
        "made.main",
        "made.deep",
        "made.deep.numbers",
    }
    files = closure(["made.main"], leave_out=["made.helper"])
    before = import_graph.contents(files, leave_out=["made.helper"])
    made(helper="")
    assert (
        import_graph.contents(
            closure(["made.main"], leave_out=["made.helper"]), leave_out=["made.helper"]
        )
        == before
    )


def test_modules_that_annotations_alone_name_count_as_sources_and_not_in_what_they_compute(made):
    made(main="from made.other import T\n\n\ndef f(x: T): ...\n")
    assert "made.other" in closure(["made.main"]) and "made.other" not in closure(
        ["made.main"], hints=False
    )


def test_every_module_of_this_package_can_be_followed_and_its_digest_is_that_of_a_copy(
    tmp_path, monkeypatch
):
    package = import_graph.PACKAGE
    before = code_of("smallbatch.report")
    shutil.copytree(package, tmp_path / "smallbatch", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(import_graph, "PACKAGE", tmp_path / "smallbatch")
    assert code_of("smallbatch.report") == before
    assert all(path.is_relative_to(tmp_path) for path in source_files("smallbatch.train"))


def test_importing_a_module_of_this_package_reads_no_file_that_was_not_found():
    import smallbatch.config.compose
    import smallbatch.jobs.collect
    import smallbatch.resources.cost  # noqa: F401

    found = {
        str(path)
        for path in source_files(
            "smallbatch.jobs.collect", "smallbatch.config.compose", "smallbatch.resources.cost"
        )
    }
    for module in (
        "jobs.collect",
        "config.compose",
        "resources.cost",
        "resources.speeds",
        "storage.store",
        "config.claims",
        "config.papers",
        "core.progress",
    ):
        assert sys.modules[f"smallbatch.{module}"].__file__ in found
