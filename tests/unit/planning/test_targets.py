"""What a `_target_` may name, and that planning imports none of it."""

import pytest

from smallbatch.config.compose import compose
from smallbatch.core.errors import UserError
from smallbatch.core.locate import instantiate, locate
from smallbatch.core.source import code_digest
from smallbatch.core.targets import arguments_of, targets_of
from smallbatch.planning.targets import check_targets
from smallbatch.workflow.settings import is_dry_run

NETS = """import os
from functools import partial

class Net:
    def __init__(self, classes, *, width, depth=1): ...
    @staticmethod
    def large(classes): ...

class Wide(Net):
    pass

class Open(Wide):
    def __init__(self, classes, **more): ...

def with_width(make): ...

@with_width
def made(hidden): ...

class Saved(Net):
    @with_width
    def __init__(self, hidden): ...
    @classmethod
    @with_width
    def large(cls, hidden): ...
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "targetnets.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    return str(tmp_path)


@pytest.mark.parametrize(
    "name, names, required, more",
    [
        ("Net", {"classes", "width", "depth"}, {"classes", "width"}, False),
        ("Wide", {"classes", "width", "depth"}, {"classes", "width"}, False),
        ("Net.large", {"classes"}, {"classes"}, False),
        ("Wide.large", None, None, None),
        ("partial", None, None, None),
        ("Open", {"classes"}, {"classes"}, True),
        ("made", None, None, None),  # a decorator may take arguments, or add some
        ("Saved", None, None, None),
        ("Saved.large", None, None, None),
    ],
)
def test_arguments_are_read_from_the_source(folder, name, names, required, more):
    found = arguments_of(f"targetnets.{name}", folder)
    assert (found and found.names) == names and (found and found.required) == required
    assert (found and found.more) == more


def test_what_a_module_has_imported_is_not_its_own(folder):
    assert locate("targetnets.Wide.large").__name__ == "large"
    assert locate("torch.nn.modules.Linear").__name__ == "Linear"
    for target in ("targetnets.os.getcwd", "torch.nn.modules.module.os.getcwd"):
        with pytest.raises(UserError, match="cannot be imported"):
            locate(target)


def test_nested_targets_are_made_anew_each_time():
    value = [{"a": {"_target_": "torch.nn.Dropout", "p": 0.25}, "b": 1}]
    first, second = instantiate(value), instantiate(value)
    assert first[0]["a"].p == 0.25 and first[0]["a"] is not second[0]["a"]
    layer = instantiate({"_target_": "torch.nn.Linear", "_partial_": True, "bias": False})
    assert layer(2, 3).bias is None


def test_the_code_of_nested_targets_counts(folder, tmp_path):
    (tmp_path / "parts.py").write_text("def act(): ...\n")
    model = {"_target_": "targetnets.Net", "layers": [{"_target_": "parts.act"}]}
    targets = targets_of(model, {"_target_": "smallbatch.data.digits.load"})
    assert targets == ["targetnets.Net", "parts.act", "smallbatch.data.digits.load"]
    before = code_digest(targets, folder)
    (tmp_path / "parts.py").write_text("def act(): return 1\n")
    assert code_digest(targets, folder) != before


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "torch.hub.load",
        "torch.load",
        "smallbatch.jobs.run.run_job",
        "smallbatch.data.digits.load",
    ],
)
def test_a_model_is_made_by_code_that_makes_networks(target):
    config = compose("digits", []) | {"model": {"name": "x", "_target_": target}}
    with pytest.raises(UserError, match="is not code that a study may name"):
        check_targets(config, None)


@pytest.mark.parametrize(
    "words, dry",
    [
        (["-n"], True),
        (["-np", "--cores", "1"], True),
        (["--dry-run"], True),
        (["--dryrun"], True),
        (["--cores", "1", "plan"], False),
        (["-s", "other/Snakefile", "-c2", "--config", "hydra=-n"], False),
    ],
)
def test_dry_runs_are_known(words, dry):
    assert is_dry_run(words) == dry
