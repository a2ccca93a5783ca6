"""What users' data functions return (`tests/cases/data`): what trains, and the sentence where it is refused."""

import importlib
import inspect
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from checkout import REPOSITORY

from smallbatch.core.errors import UserError
from smallbatch.data import SPLITS
from smallbatch.data.prepare import prepare

CASES = REPOSITORY / "tests" / "cases" / "data"
SIZES = {"train": 6, "validation": 2, "test": 2}


@pytest.fixture
def case(request, monkeypatch):
    monkeypatch.syspath_prepend(CASES)
    yield importlib.import_module(request.param)
    del sys.modules[request.param]


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.py")), indirect=True)
def test_data_is_the_users_or_refused(case, tmp_path, capsys):
    plan = {
        "name": case.__name__,
        "_target_": f"{case.__name__}.data",
        "shape": [1, 2, 2],
        "classes": 2,
        "sizes": SIZES,
    }
    plan |= getattr(case, "DATASET", {})
    if case.OUTCOME == "refused":
        with pytest.raises(UserError) as refused:
            prepare({"dataset": plan}, tmp_path, {})
        assert case.SAYS in str(refused.value) and "\n" not in str(refused.value)
        assert case.__name__ in str(refused.value)
        return
    prepare({"dataset": plan}, tmp_path, {})
    about = json.loads((tmp_path / "about.json").read_text(encoding="utf-8"))
    if case.OUTCOME == "warned":
        assert any(case.SAYS in note for note in about["notes"])
        assert case.SAYS in capsys.readouterr().out
    else:
        assert case.OUTCOME == "trains"
    check(case, tmp_path, about)


def check(case, folder: Path, about: dict) -> None:
    """The prepared arrays are exactly the expected ones, in their types too."""
    images, labels = np.load(folder / "images.npy"), np.load(folder / "labels.npy")
    assert labels.dtype == np.int64
    if hasattr(case, "expected_splits"):
        splits = case.expected_splits(about["sizes"])
        assert np.array_equal(images, np.concatenate([splits[split][0] for split in SPLITS]))
        return
    by_split = "split" in inspect.signature(case.expected).parameters
    at = 0
    for split in SPLITS:
        n = about["sizes"][split]
        expected = case.expected(n, split) if by_split else case.expected(n)
        assert images.dtype == expected[0].dtype
        assert np.array_equal(images[at : at + n], expected[0])
        assert np.array_equal(labels[at : at + n], expected[1])
        assert (
            about["counts"][split] == np.bincount(expected[1], minlength=about["classes"]).tolist()
        )
        at += n
    if hasattr(case, "STD"):
        assert about["std"][-1] == case.STD


def test_a_module_that_ends_the_process_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "exits_when_imported.py").write_text(
        "import sys\nsys.exit('usage: main.py FILE')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"its module ends the process \(usage: main.py FILE\)"):
        prepare({"dataset": {"name": "d", "_target_": "exits_when_imported.data"}}, tmp_path, {})
