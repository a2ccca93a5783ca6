"""environment.yml, pyproject.toml and requirements.lock agree, and the Makefile says what it
does."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "requirements.lock").read_text().splitlines()
LOCK = {
    canonicalize_name(name): version
    for name, _, version in (line.partition("==") for line in LINES)
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_holds_exact_public_versions_and_nothing_else():
    for line in LINES:
        # no +local, URL, marker or path
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!]*", line), line


@pytest.mark.parametrize(
    "requirement", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
)
def test_every_dependency_is_locked_within_its_range(requirement):
    wanted = Requirement(requirement)
    assert Version(LOCK[canonicalize_name(wanted.name)]) in wanted.specifier


def test_what_locked_packages_need_is_locked_too():
    """An install takes nothing from outside the lock."""
    for name in LOCK:
        for line in importlib.metadata.requires(name) or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                known = {*LOCK, "setuptools"}  # which a virtual environment, or pip, brings
                assert canonicalize_name(wanted.name) in known, f"{name} needs {wanted.name}"


def test_conda_installs_the_lock_on_a_supported_python():
    text = (ROOT / "environment.yml").read_text()
    assert "- -r requirements.lock" in text and "- pip\n" in text
    python = re.search(r"python =([\d.]+)", text)[1]
    assert Version(python) in Requirement(f"python{PROJECT['requires-python']}").specifier


def test_make_help_lists_the_commands():
    shown = subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory", "help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for target in ("report", "test", "test-fast", "lint", "clean", "help", "install"):
        assert f"make {target} " in shown


def test_no_recipe_shows_its_own_commands():
    lines = (ROOT / "Makefile").read_text().splitlines()
    recipes = [line for line in lines if line.startswith("\t")]
    assert len(recipes) > 10 and all(line.startswith("\t@") for line in recipes)


def index(folder: Path, *wheels: tuple[str, str]) -> str:
    """A package index with empty packages (name, version); returns its address."""
    for name, version in wheels:
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        about = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(place / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(
                f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            )
            wheel.writestr(
                f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{about}/RECORD", "")
        links = "".join(f'<a href="{path.name}">{path.name}</a>' for path in place.glob("*.whl"))
        (place / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    return folder.as_uri()


BACKEND = """import zipfile
def build_editable(folder, *_):
    name = "mine-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("mine-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: mine\\nVersion: 1\\n")
        wheel.writestr("mine-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("mine-1.dist-info/RECORD", "")
    return name
"""


@pytest.fixture
def small_project(tmp_path):
    """A project with this Makefile, a lock of two packages, and an index that has both; pip knows
    no other.

    Returns ``(folder, environment)``.
    """
    project, torch = tmp_path / "project", LOCK["torch"]
    project.mkdir()
    shutil.copy(ROOT / "Makefile", project)
    (project / "requirements.lock").write_text(f"other==1.0\ntorch=={torch}\n")
    build = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]'
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "mine"\nversion = "1"\n[build-system]\n{build}\n'
    )
    (project / "backend.py").write_text(BACKEND)
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PIP_", "MAKE", "TORCH_"))
    }
    usual = index(tmp_path / "usual", ("torch", torch), ("other", "1.0"))
    return project, environment | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": usual,
        "PIP_NO_CACHE_DIR": "1",
    }


def installed(project: Path) -> dict[str, str]:
    found = importlib.metadata.distributions(
        path=[str(next(project.glob(".venv/lib/*/site-packages")))]
    )
    return {one.name: one.version for one in found}


@pytest.mark.slow
@pytest.mark.parametrize(
    "address", [False, True], ids=["as pip has it", "from an address of one's own"]
)
def test_make_installs_the_locked_torch_and_says_so_in_one_line(small_project, tmp_path, address):
    project, environment = small_project
    there = index(tmp_path / "cpu", ("torch", f"{LOCK['torch']}+cpu"), ("other", "1.0+unwanted"))
    given = [f"TORCH_INDEX={there}"] if address else []
    command = ["make", "--no-print-directory", "install", f"PYTHON={sys.executable}", *given]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("Installing requirements.lock into .venv")
    assert (f"torch from {there}" if address else "several GB of CUDA libraries") in line
    expected = {"torch": LOCK["torch"] + "+cpu" * address, "other": "1.0", "mine": "1"}
    assert {
        name: version for name, version in installed(project).items() if name in expected
    } == expected


@pytest.mark.slow
def test_pip_prefers_the_torch_of_a_further_index_as_with_conda(small_project, tmp_path):
    project, environment = small_project
    there = index(tmp_path / "cpu", ("torch", f"{LOCK['torch']}+cpu"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "-r",
        "requirements.lock",
        "--target",
        "found",
    ]
    done = subprocess.run(command, cwd=project, env=environment | {"PIP_EXTRA_INDEX_URL": there})
    assert (
        done.returncode == 0
        and (project / "found" / f"torch-{LOCK['torch']}+cpu.dist-info").is_dir()
    )
