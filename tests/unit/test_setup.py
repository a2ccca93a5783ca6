"""environment.yml, pyproject.toml and requirements.lock agree, and the Makefile says what it does."""

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "requirements.lock").read_text().splitlines()
LOCK = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_holds_exact_public_versions_and_nothing_else():
    for line in LINES:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!]*", line), line  # no +local, URL, marker or path


@pytest.mark.parametrize("requirement", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"])
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
        ["make", "-C", ROOT, "--no-print-directory", "help"], capture_output=True, text=True, check=True
    ).stdout
    for target in ("report", "test", "test-fast", "lint", "clean", "help", "install"):
        assert f"make {target} " in shown
