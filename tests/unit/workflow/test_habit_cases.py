"""What users have and do (tests/cases/habits): each is understood, or refused in one sentence.

A case has a function ``run(user)``. It returns if the case is understood, and raises UserError, or
ends with a sentence, if it is refused.
"""

import importlib.util
import json
import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from snakemake.cli import parse_config

from smallbatch.config.compose import compose
from smallbatch.core.errors import UserError
from smallbatch.models.build import build
from smallbatch.planning.files import plan_study
from smallbatch.workflow.settings import read_settings
from smallbatch.workflow.snakefile import plan_from_settings

CASES = Path(__file__).parents[2] / "cases" / "habits"
NETS = """from torch import nn


class Net(nn.Module):
    def __init__(self, classes, width=4, act=None, layer=nn.Linear):
        super().__init__()
        self.act, self.head = act, layer(width, classes)

    @classmethod
    def small(cls, classes, width):
        return cls(classes, width)

    def forward(self, x):
        return self.head(x)


def data(sizes):
    return {}
"""
STUDY = """# @package _global_
defaults:
  - override /tracking: none
  {defaults}
title: {title}
model: {model}
dataset: {dataset}
grid: {{batch_size: [2, 4], norm: [none], base_lr: [0.5, 0.25], seeds: 2}}
"""


@dataclass
class User:
    """What a case does: files in a folder, and the words of ``snakemake -n --config``."""

    folder: Path
    patch: pytest.MonkeyPatch

    def path(self, name: str) -> Path:
        return self.folder / name

    def file(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text, encoding="utf-8")

    def study(
        self,
        name: str,
        conf: str = "mine",
        title: str = "Mine",
        defaults: str = "- override /model: null",
        model: str = "{name: net, _target_: nets.Net}",
        dataset: str = "{}",
    ) -> None:
        if not self.path(f"{conf}/nets.py").exists():
            self.file(f"{conf}/nets.py", NETS)
        text = STUDY.format(defaults=defaults, title=title, model=model, dataset=dataset)
        self.file(f"{conf}/study/{name}.yaml", text)

    def words(self, *words: str) -> None:
        """The command line that Snakemake was started with."""
        self.patch.setattr(sys, "argv", ["/bin/snakemake", *words])

    def settings(self, words: tuple[str, ...]):
        self.words("-n", "--config", *words)
        return read_settings(parse_config(words))

    def compose(self, *words: str) -> dict:
        settings = self.settings(words)
        return compose(settings.studies[0], list(settings.overrides), settings.conf)

    def plan(self, *words: str):
        return plan_study(self.compose(*words), self.settings(words).conf, trace=False)

    def build(self, *words: str):
        self.patch.syspath_prepend(self.path("mine"))
        self.patch.delitem(sys.modules, "nets", raising=False)
        return build(self.compose(*words)["model"], (1, 8, 8), 10, "none", None, 0)

    def workflow(self) -> None:
        """Plan the default study as the Snakefile does."""
        plan_from_settings("digits", self.settings(()), trace=False)

    def set(self, variable: str, value: str | None) -> None:
        if value is None:
            self.patch.delenv(variable, raising=False)
        else:
            self.patch.setenv(variable, value)

    def replace(self, name: str, value: object) -> None:
        self.patch.setattr(name, value)

    def without_name(self) -> None:
        def unknown(uid):
            raise KeyError(f"getpwuid(): uid not found: {uid}")

        self.patch.setattr(pwd, "getpwuid", unknown)

    def python(self, code: str, environment: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | environment,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode("ascii")

    def as_nobody(self, do):
        """What a function returns in a process of another user than that of system files."""
        if os.getuid():
            return do()
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.setuid(54321)
            os.write(writing, json.dumps(do()).encode())
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as pipe:
            return json.loads(pipe.read())


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"habit_{name}", CASES / f"{name}.py")
    case = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(case)
    return case


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.py")))
def test_a_habit_is_understood_or_refused_in_one_sentence(name, tmp_path, monkeypatch, capsys):
    case = load(name)
    assert case.__doc__ and case.SOURCE and case.OUTCOME in ("trains", "refused", "warned")
    monkeypatch.chdir(tmp_path)
    user = User(tmp_path, monkeypatch)
    if case.OUTCOME == "refused":
        with pytest.raises((UserError, SystemExit)) as error:
            case.run(user)
        said = str(error.value) if str(error.value) != "1" else capsys.readouterr().err.strip()
        assert case.SAYS in said and "s3" not in said and "\n" not in said
        assert not user.path("made").exists()
    else:
        case.run(user)
        assert getattr(case, "SAYS", "") in capsys.readouterr().err
