"""Blocks of code in the documentation: Python parses, studies compose and have a plan, commands are
ones that there are."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import snakemake.cli
from pages import FENCE, PAGES, ROOT, blocks, prose, text

from smallbatch.config.compose import compose
from smallbatch.config.schema import Config
from smallbatch.planning import plan
from smallbatch.workflow.settings import read_settings

RULES = re.findall(
    r"^rule (\w+):",
    "\n".join(path.read_text() for path in (ROOT / "workflow").rglob("*.smk")),
    re.M,
)
MAKEFILE = (ROOT / "Makefile").read_text()
OTHERS = {"git", "cd", "source", "cp", "conda", "pip"}


@pytest.fixture
def mine(tmp_path) -> Path:
    """The folder that docs/own-data.md describes."""
    (tmp_path / "study").mkdir()
    (study,) = (
        code for language, code in FENCE.findall(text("docs/own-data.md")) if language == "yaml"
    )
    (tmp_path / "study" / "mystudy.yaml").write_text(study)
    return tmp_path


def commands() -> list:
    """``(page, words)`` of each command in a block, without comments and with a study's name for
    NAME."""
    found = []
    for block in blocks("bash"):
        for line in block.code.splitlines():
            filled = (
                line.replace("NAME", "digits")
                .replace("CLONE/", "")
                .replace("<this repository>", "ADDRESS")
            )
            for words in filled.split(" && "):
                given = shlex.split(words, comments=True)
                while given and re.match(
                    r"[A-Z_]+=", given[0]
                ):  # variables of the command's environment
                    given.pop(0)
                if given:
                    found.append(pytest.param(given, id=f"{block.page.name}: {words.strip()[:60]}"))
    return found


def test_every_block_names_its_language():
    assert {block.language for block in blocks()} == {"bash", "python", "yaml", "text"}
    assert [page.name for page in PAGES if page.read_text().count("```") % 2] == []


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_parses(block):
    compile(block.code, str(block.page), "exec")


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_studies_compose_and_have_a_plan(block, tmp_path):
    assert block.code.startswith("# @package _global_\n")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "example.yaml").write_text(block.code)
    assert plan.make_plan(compose("example", [], str(tmp_path)), "", "").study["points"] > 0


@pytest.mark.parametrize("words", commands())
def test_commands_are_ones_that_there_are(words, mine):
    program, *arguments = words
    if program == "snakemake":
        _check_snakemake(arguments, mine)
    elif program == "make":
        for argument in arguments:
            name, is_variable, _ = argument.partition("=")
            assert re.search(rf"^{name} \??=" if is_variable else rf"^{name}:", MAKEFILE, re.M), (
                argument
            )
    elif program == "python":
        _check_python(arguments)
    else:
        assert program in OTHERS


def _check_snakemake(arguments: list[str], mine: Path) -> None:
    # ends the test for an unknown option
    given = snakemake.cli.get_argument_parser().parse_args(arguments)
    assert set(given.targets or []) <= set(RULES)
    assert not given.workflow_profile or (ROOT / given.workflow_profile / "config.yaml").is_file()
    settings = read_settings(dict(pair.split("=", 1) for pair in given.config or []))
    for study in settings.studies:
        compose(study, list(settings.overrides), str(mine) if settings.conf else None)


def _check_python(arguments: list[str]) -> None:
    if arguments[0] != "-m":
        assert (ROOT / arguments[0]).is_file()
        return
    _, module, *rest = arguments
    spec = importlib.util.find_spec(module)
    spec = (
        spec
        if not spec.submodule_search_locations
        else importlib.util.find_spec(f"{module}.__main__")
    )
    source = Path(spec.origin).read_text()
    for word in rest:
        assert not word.startswith("--") or word in source, word
    if module == "smallbatch.train" and "=" in rest[0]:
        compose(rest[0].removeprefix("study="), rest[1:])


def overrides() -> list[str]:
    """Overrides in the text: ``hydra="a.b=c d=e"`` and ``a.b=c``."""
    found = []
    for page in PAGES:
        for words in re.findall(r"`([^`\n]+)`", prose(page)):
            inside = re.fullmatch(r'hydra="(.*)"', words)
            # Mistakes, cases and old versions name keys and values that there are not.
            if page.name not in ("MISTAKES.md", "cases.md", "CHANGELOG.md") and "…" not in words:
                given = shlex.split(inside[1] if inside else words.replace("'", ""))
                found += [word for word in given if re.match(r"[a-z_]+(\.[a-z_0-9]+)*=[^=]", word)]
    return sorted(set(found) - {"partial=true"})


@pytest.mark.parametrize("override", overrides())
def test_overrides_in_the_text_are_of_keys_that_there_are(override):
    key, _, value = override.partition("=")
    fields, node = key.split("."), Config
    if (ROOT / "conf" / key).is_dir():
        assert not value or (ROOT / "conf" / key / f"{value}.yaml").is_file()
        return
    group, *inner = fields
    if group in ("dataset", "model"):  # any key of any of their files
        files = [path.read_text() for path in (ROOT / "conf" / group).glob("*.yaml")]
        assert any(re.search(rf"\b{name}:", file) for file in files for name in inner[:1])
        return
    for name in fields:
        assert name in node.__dataclass_fields__, override
        node = node.__dataclass_fields__[name].type
