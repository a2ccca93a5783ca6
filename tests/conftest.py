"""What several tests share: copies of the repository that the workflow runs in, a mirror of
CIFAR-10."""

import compileall
import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import REPOSITORY, Checkout, new_checkout, snakemake
from filelock import FileLock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin, so that no process waits for another's last test."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """What was imported stays: collecting garbage, as statsmodels does at every call, would look
    through torch each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """A function that returns the folder of a name, which the first of pytest's processes that asks
    for it makes."""
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent

    def find(name: str, make: Callable[[Path], None]) -> Path:
        folder, made = common / name, common / f"{name}.made"
        with FileLock(common / f"{name}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                made.touch()
        return folder

    return find


@pytest.fixture(scope="session")
def bytecode() -> None:
    """The sources are compiled: else every process of every checkout would do so."""
    compileall.compile_dir(REPOSITORY / "src", quiet=2)


@pytest.fixture(scope="session")
def reported(bytecode, made_once) -> Checkout:
    """The tiny study with its report. Tests must copy it before they change anything
    (`checkout`)."""

    def make(folder: Path) -> None:
        assert new_checkout(folder).snakemake().trained == 24

    return Checkout(made_once("reported", make))


@pytest.fixture(scope="session")
def default_study(bytecode, made_once) -> Checkout:
    """The default study with its report: what `make report` left in this repository, or made here.
    Copy before a change."""

    def make(folder: Path) -> None:
        checkout, results = new_checkout(folder), REPOSITORY / "results"
        if (results / "digits" / "report.html").is_file():
            study = json.loads((results / "digits" / "study.json").read_text())
            parts = [
                "plan",
                "digits",
                "drawn/digits",
                f"data/{study['data']}",
                *(f"jobs/{job}" for job in study["jobs"]),
            ]
            for part in filter(lambda part: (results / part).is_dir(), parts):
                shutil.copytree(results / part, checkout.results / part)
            if (results / "mlflow.db").is_file():
                shutil.copy2(results / "mlflow.db", checkout.results)
        checkout.run([snakemake(), "--cores", "2"])

    return Checkout(made_once("default_study", make))


@pytest.fixture
def checkout(reported, tmp_path) -> Checkout:
    """A copy of the finished tiny study, times preserved, of one's own."""
    return reported.copy(tmp_path / "copy")


@pytest.fixture
def fresh(bytecode, tmp_path) -> Checkout:
    """A copy of the code without any results."""
    return new_checkout(tmp_path / "fresh")


@pytest.fixture(scope="session")
def cifar10(tmp_path_factory) -> Path:
    """A mirror with the real images in the official unpacked folder."""
    mirror = os.environ.get("SMALLBATCH_MIRROR")
    if not mirror:
        pytest.skip("SMALLBATCH_MIRROR names no folder with the official files")
    unpack = Path(mirror) / "unpack_cifar10.py"
    if not unpack.is_file():
        pytest.skip(f"{unpack} is not there")
    folder = tmp_path_factory.mktemp("mirror")
    subprocess.run([sys.executable, str(unpack), str(folder)], check=True)
    return folder
