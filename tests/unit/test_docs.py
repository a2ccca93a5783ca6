"""The documentation: links lead somewhere, generated pages are those of the source, and everything
there is has its row."""

import ast
import functools
import importlib.util
import re
import tokenize
from pathlib import Path

import pytest
from pages import PAGES, ROOT, prose, text

from smallbatch.config import claims as config_claims
from smallbatch.config import schedules as config_schedules
from smallbatch.config import schema as config
from smallbatch.config.compose import compose
from smallbatch.figures.names import FIGURES
from smallbatch.jobs import collect
from smallbatch.planning import plan
from smallbatch.storage import schemas
from smallbatch.training.engines.limits import WAYS

SPEC = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate)

PARTS = ("src", "tests", "conf", "workflow", "docs", "results/reference")
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
STUDIES = sorted(path.stem for path in (ROOT / "conf" / "study").glob("*.yaml"))
WHERE = {  # which page lists the files of a folder of conf/
    "dataset": "docs/own-data.md",
    "model": "docs/own-data.md",
    "optimizer": "docs/own-data.md",
    "augmentation": "docs/own-data.md",
    "schedule": "docs/schedules.md",
    "claim": "docs/claims.md",
    "study": "docs/studies.md",
    "tracking": "docs/report.md",
}


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists() and there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


def test_a_newcomer_sees_the_picture_the_two_commands_and_the_four_uses_on_one_page():
    readme = text("README.md")
    assert len(readme.splitlines()) <= 150
    places = [
        readme.index(words)
        for words in ("![", "make report", "make test", "### 1.", "### 2.", "### 3.", "### 4.")
    ]
    assert places == sorted(places) and places[2] < 2000
    assert readme.count("![") == 3


@pytest.mark.parametrize("page", generate.PAGES)
def test_generated_pages_are_those_of_the_source(page):
    assert text(f"docs/{page}") == generate.PAGES[page](), "run make docs"


@pytest.mark.parametrize("page", generate.PAGES)
def test_every_setting_and_column_has_a_description(page):
    rows = re.findall(r"^\| `.*$", text(f"docs/{page}"), re.M)
    assert len(rows) > 80 and [row for row in rows if row.endswith("|  |")] == []


def test_every_setting_is_on_the_page():
    """A key that is a dataclass has a section of its own."""
    named = {cls.__name__ for cls in generate.CLASSES.values()}
    types = re.findall(
        r"\b[A-Z]\w+",
        " ".join(
            str(field.type)
            for cls in generate.CLASSES.values()
            for field in cls.__dataclass_fields__.values()
        ),
    )
    assert named >= set(types) - {"Any", "None"}


def test_every_stored_column_is_in_the_studys_table():
    assert set(collect.TABLE) == set(schemas.SUMMARY.names) | set(collect.ADDED.names)


@pytest.mark.parametrize(
    ("cls", "key", "names"),
    [
        (config.Schedule, "name", config_schedules.NAMES),
        (
            config.Optimizer,
            "name",
            [path.stem for path in (ROOT / "conf" / "optimizer").glob("*.yaml")],
        ),
        (config_claims.Claim, "test", config_claims.TESTS),
        (config_claims.Reported, "measure", config_claims.MEASURES),
    ],
)
def test_a_key_with_a_choice_of_names_lists_them_all(cls, key, names):
    description = generate.described(cls)[key]
    assert [
        name for name in names if not re.search(rf"(?<![\w-]){name}(?![\w-])", description)
    ] == []


@pytest.mark.parametrize("group", WHERE)
def test_every_file_of_conf_is_documented(group):
    names = [path.stem for path in (ROOT / "conf" / group).glob("*.yaml")]
    page = text(WHERE[group])
    assert names and [name for name in names if not re.search(rf"[`=]{name}[`\"]", page)] == []


def test_every_figure_and_engine_is_documented():
    rows = re.findall(r"^\| `(\w+)` \|", text("docs/report.md"), re.M)
    assert sorted(rows) == sorted(FIGURES)
    engines = text("docs/engines.md")
    assert [way for way in WAYS if f"`{way.split()[0]}`" not in engines] == []


@pytest.mark.parametrize("study", STUDIES)
def test_the_table_of_studies_has_their_numbers_of_points(study):
    points = plan.make_plan(compose(study, []), "", "").study["points"]
    (row,) = (
        line for line in text("docs/studies.md").splitlines() if re.match(rf"\| \[?`{study}`", line)
    )
    assert f"| {points:,} |" in row


def test_networks_have_the_parameters_that_their_files_name():
    page = text("docs/own-data.md")
    for path in (ROOT / "conf" / "model").glob("*.yaml"):
        number = re.search(r"([\d,]+) parameters", path.read_text(encoding="utf-8"))[1]
        assert re.search(rf"^\| `{path.stem}` .* {number} \|$", page, re.M), path.stem


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_and_names_that_developers_are_sent_to_exist(page):
    """A file may be named by the end of its path; ``schema.Schedule`` is defined in its module, a
    bare name somewhere in the source."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    missing = []
    for words in re.findall(r"`([^`\n]+)`", prose(ROOT / page)):
        if re.search(
            r"NAME|JOB|STUDY|DATA|[ <>(={*]|^results/|\.(csv|json|parquet|txt)$", words
        ):  # no name, or an output
            continue
        found = exists(words)
        if found is None and re.fullmatch(r"\w*[A-Z_]\w*", words):
            found = re.search(rf"\b{words}\b", code)
        missing += [words] if found is not None and not found else []
    assert missing == []


def test_files_and_names_in_comments_and_docstrings_of_the_source_exist():
    missing = []
    for path in (ROOT / "src").rglob("*.py"):
        with path.open("rb") as file:
            texts = [
                token.string
                for token in tokenize.tokenize(file.readline)
                if token.type == tokenize.COMMENT or token.string.startswith('"""')
            ]
        for words in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", "\n".join(texts)):
            if "<" not in words and exists(words) is False:  # with < > it stands for any name
                missing.append((path.name, words))
    assert missing == []


def exists(words: str) -> bool | None:
    """Whether a file with this path or end of a path is there, or a module that defines this name;
    None for what names neither."""
    file, _, name = words.partition(": ")
    if "/" in file or re.search(r"\.(py|smk|rst|yaml|md|bib|toml|lock)$", file):
        found = [path for path in PATHS if path.endswith("/" + file.strip("/"))]
        return bool(found) and (not name or any(name in defined(ROOT / path[1:]) for path in found))
    if match := re.fullmatch(r"([a-z_]+)\.([A-Za-z_]\w*)", words):
        modules = [path for path in SOURCES if path.stem == match[1]]
        return any(match[2] in defined(path) for path in modules) if modules else None
    return None


@functools.cache
def defined(path: Path) -> set[str]:
    """The names that a module defines, those of its classes included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


PATHS = [
    f"/{path.relative_to(ROOT)}"
    for path in [*ROOT.glob("*"), *(one for part in PARTS for one in (ROOT / part).rglob("*"))]
]
