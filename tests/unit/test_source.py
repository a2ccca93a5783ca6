import pytest

from smallbatch.errors import UserError
from smallbatch.source import accepted_arguments, code_digest, target_files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mynets.py").write_text(
        "from mylayers import x\nimport torch\nclass Net:\n  def __init__(self, width, classes): ...\n"
    )
    (tmp_path / "mylayers.py").write_text("x = 1\n")
    (tmp_path / "other.py").write_text("y = 1\n")
    return tmp_path


def test_a_users_module_counts_with_what_it_imports_and_with_nothing_else(folder):
    assert [name for name, _ in target_files("mynets.Net", str(folder))] == ["mylayers.py", "mynets.py"]
    before = code_digest(["mynets.Net"], str(folder))
    (folder / "other.py").write_text("y = 2\n")
    assert code_digest(["mynets.Net"], str(folder)) == before
    (folder / "mylayers.py").write_text("x = 22\n")
    assert code_digest(["mynets.Net"], str(folder)) != before


def test_the_folders_place_does_not_matter(folder, tmp_path_factory):
    import shutil

    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(folder, elsewhere)
    assert code_digest(["mynets.Net"], str(folder)) == code_digest(["mynets.Net"], str(elsewhere))


def test_an_installed_package_counts_by_name_and_version(folder):
    ((name, path),) = target_files("numpy.linalg.norm", str(folder))
    assert name.startswith("numpy==") and path is None


def test_a_target_that_is_nowhere_is_named(folder):
    with pytest.raises(UserError, match=r"mynet\.Net was not found"):
        target_files("mynet.Net", str(folder))
    with pytest.raises(UserError, match="defines no Net2"):
        accepted_arguments("mynets.Net2", str(folder))


def test_arguments_are_read_without_importing(folder):
    assert accepted_arguments("mynets.Net", str(folder)) == {"width", "classes"}
    assert accepted_arguments("numpy.linalg.norm", str(folder)) is None
