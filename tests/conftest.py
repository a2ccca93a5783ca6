"""What several tests share: copies of the repository that the workflow runs in, a mirror of CIFAR-10."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import Checkout, new_checkout


@pytest.fixture(scope="session")
def reported(tmp_path_factory) -> Checkout:
    """The tiny study with its report. Tests must copy it before they change anything (`checkout`)."""
    made = new_checkout(tmp_path_factory.mktemp("reported") / "smallbatch")
    assert made.snakemake().trained == 24
    return made


@pytest.fixture
def checkout(reported, tmp_path) -> Checkout:
    """A copy of the finished tiny study, times preserved, of one's own."""
    return reported.copy(tmp_path / "copy")


@pytest.fixture
def fresh(tmp_path) -> Checkout:
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
