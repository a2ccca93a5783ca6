import ast
import shutil

import pytest

from smallbatch.core import import_graph
from smallbatch.core.errors import UserError
from smallbatch.core.source import (
    WITHOUT_NUMBERS,
    accepted_arguments,
    code_digest,
    data_digest,
    target_files,
)

TARGETS = ["smallbatch.models.conv.Conv", "smallbatch.data.digits.load"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mynets.py").write_text(
        "from mylayers import x\nimport torch\nclass Net:\n  def __init__(self, width, classes): ...\n"
    )
    (tmp_path / "mylayers.py").write_text("x = 1\n")
    (tmp_path / "other.py").write_text("y = 1\n")
    return tmp_path


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """Makes copies of this package, each of which is then the one that is looked at."""

    def copy(name):
        root = tmp_path / name / "smallbatch"
        shutil.copytree(import_graph.PACKAGE, root, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(import_graph, "PACKAGE", root)
        return root

    return copy


def test_a_users_module_counts_with_what_it_imports_and_with_nothing_else(folder):
    assert sorted(target_files("mynets.Net", str(folder))) == ["mylayers", "mynets"]
    before = code_digest(["mynets.Net"], str(folder))
    (folder / "other.py").write_text("y = 2\n")
    assert code_digest(["mynets.Net"], str(folder)) == before
    (folder / "mylayers.py").write_text("x = 22\n")
    assert code_digest(["mynets.Net"], str(folder)) != before


def test_of_a_users_package_every_file_counts_and_what_it_imports_of_this_one(folder):
    (folder / "mypackage" / "inner").mkdir(parents=True)
    (folder / "mypackage" / "net.py").write_text("from smallbatch.models.mlp import MLP\n")
    (folder / "mypackage" / "inner" / "loaded_by_name.py").write_text("from mylayers import x\n")
    found = target_files("mypackage.net.Net", str(folder))
    own = {"mypackage.net", "mypackage.inner.loaded_by_name", "mylayers"}
    assert (
        own | {"smallbatch.models.mlp", "smallbatch.models.initial"} <= set(found)
        and "mynets" not in found
    )


def test_how_a_users_module_is_written_and_called_does_not_matter(folder):
    before = code_digest(["mynets.Net"], str(folder))
    (folder / "mylayers.py").rename(folder / "parts.py")
    (folder / "mynets.py").write_text(
        '"""Mine."""\n\nimport torch\nfrom parts import x\n\n\n'
        "class Net:  # small\n    def __init__(self, width: int, classes: int) -> None:\n        ...\n"
    )
    assert code_digest(["mynets.Net"], str(folder)) == before


def test_the_folders_place_does_not_matter(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(folder, elsewhere)
    assert code_digest(["mynets.Net"], str(folder)) == code_digest(["mynets.Net"], str(elsewhere))


def test_an_installed_package_counts_by_name_and_version(folder):
    ((name, path),) = target_files("numpy.linalg.norm", str(folder)).items()
    assert name.startswith("numpy==") and path is None
    assert code_digest(["numpy.linalg.norm"], None) != code_digest([], None)


def test_a_target_that_is_nowhere_is_named(folder):
    with pytest.raises(UserError, match=r"mynet\.Net was not found"):
        target_files("mynet.Net", str(folder))
    with pytest.raises(UserError, match="defines no Net2"):
        accepted_arguments("mynets.Net2", str(folder))
    with pytest.raises(UserError, match=r"there is no file konv\.py"):
        target_files("smallbatch.models.konv.Conv", str(folder))
    (folder / "mynets.py").write_text("class Net\n")
    with pytest.raises(UserError, match=r"mynets\.py: line 1 is not valid Python"):
        target_files("mynets.Net", str(folder))


def test_arguments_are_read_without_importing(folder):
    assert accepted_arguments("mynets.Net", str(folder)) == {"width", "classes"}
    assert accepted_arguments("numpy.linalg.norm", str(folder)) is None


def test_writing_all_of_the_package_in_another_way_changes_no_digest(copies):
    before = code_digest(TARGETS, None), data_digest(TARGETS[1], None)
    for path in copies("rewritten").rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
                node
            ):
                node.body[0] = ast.Expr(ast.Constant("Another docstring."))
            if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                node.returns = ast.Tuple(
                    [node.returns, ast.Name("More")] if node.returns else [ast.Name("New")]
                )
        path.write_text(f"# A comment.\n{ast.unparse(tree)}\n\n\n# Another.\n")
    assert (code_digest(TARGETS, None), data_digest(TARGETS[1], None)) == before


def test_moving_modules_of_the_training_code_changes_no_digest(copies):
    before = code_digest(TARGETS, None)
    root = copies("moved")
    moves = {
        "training.optimizers.sgd": "optimizers.plain",
        "training.engines.compiled.vector": "training.simd",
        "data.read": "data.prepared",
    }
    (root / "optimizers").mkdir()
    (root / "optimizers" / "__init__.py").write_text('"""Rules that change weights."""\n')
    for old, new in moves.items():
        root.joinpath(*old.split(".")).with_suffix(".py").rename(
            root.joinpath(*new.split(".")).with_suffix(".py")
        )
        for path in root.rglob("*.py"):
            path.write_text(path.read_text().replace(f"smallbatch.{old} ", f"smallbatch.{new} "))
    assert code_digest(TARGETS, None) == before


def test_what_any_file_of_the_training_code_does_counts(copies):
    root = copies("edited")
    files = [
        path
        for name in ("training", "schedules", "measures")
        for path in (root / name).rglob("*.py")
    ]
    files += [root / "models" / f"{name}.py" for name in ("build", "norm", "conv")]
    files += [
        root / "data" / f"{name}.py"
        for name in ("augment", "stream", "read", "prepare", "digits", "__init__")
    ]
    assert len(files) > 55
    before = code_digest(TARGETS, None)
    for number, path in enumerate(files):
        path.write_text(path.read_text() + f"\nEDITED = {number}\n")
        after = code_digest(TARGETS, None)
        # The one only compiles before the jobs, and the others are Protocols, which only
        # annotations name.
        protocols = ("engines", "trainer.py"), ("measures", "measure.py")
        counts_for_nothing = path.parts[-2:] in (("compiled", "__main__.py"), *protocols)
        assert (after == before) == counts_for_nothing, path
        before = after


def test_what_only_says_finds_or_remembers_things_does_not_count(copies):
    before = code_digest(TARGETS, None)
    root = copies("edited")
    for name in WITHOUT_NUMBERS:
        path = import_graph.file_of(name)
        assert path.is_relative_to(root)
        path.write_text(path.read_text() + "\nEDITED = 1\n")
    assert code_digest(TARGETS, None) == before


def test_the_data_depends_on_what_prepares_it_and_not_on_training(copies):
    before = data_digest(TARGETS[1], None)
    root = copies("edited")
    (root / "training" / "loop.py").write_text("")
    assert data_digest(TARGETS[1], None) == before
    with (root / "data" / "prepare.py").open("a") as file:
        file.write("\nEDITED = 1\n")
    assert data_digest(TARGETS[1], None) != before
