"""Copies of the repository that tests run the workflow in."""

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
