"""The files for a public repository: they parse, agree with each other, and name only what there
is."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
CI = ".github/workflows/ci.yml"
HOOKS = ".pre-commit-config.yaml"
BUG = ".github/ISSUE_TEMPLATE/bug_report.yml"
CATALOG = ".snakemake-workflow-catalog.yml"
FILES = [CI, HOOKS, BUG, CATALOG, "CITATION.cff"]
TEXTS = {
    name: (ROOT / name).read_text()
    for name in [*FILES, "Makefile", "README.md", "pyproject.toml", ".ci/run"]
}
YAML = {name: yaml.safe_load(TEXTS[name]) for name in FILES}
PROJECT = tomllib.loads(TEXTS["pyproject.toml"])["project"]
JOBS = YAML[CI]["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
HOOK_LIST = [hook for repository in YAML[HOOKS]["repos"] for hook in repository["hooks"]]
RECIPE = TEXTS["Makefile"].partition("\nlint:")[2].partition("\n\n")[0]


def test_every_file_names_the_same_python_versions():
    supported = [
        f"3.{minor}"
        for minor in range(30)
        if f"3.{minor}" in SpecifierSet(PROJECT["requires-python"])
    ]
    assert JOBS["unit"]["strategy"]["matrix"]["python"] == supported
    assert [
        line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: Python ::" in line
    ] == supported
    sentence = f"{', '.join(supported[:-1])} or {supported[-1]}"
    assert f"They need Python {sentence}" in TEXTS["README.md"]
    assert f"smallbatch needs {sentence};" in TEXTS["Makefile"]


def test_lint_and_the_whole_run_take_the_python_that_the_project_is_tested_on():
    tested = re.search(r"requires-python = .* # tested on ([\d.]+)", TEXTS["pyproject.toml"])[1]
    (python,) = (
        step["with"]["python-version"]
        for step in JOBS["lint"]["steps"]
        if "python-version" in str(step)
    )
    assert python == tested and f"(tested on {tested})" in TEXTS["README.md"]
    assert JOBS["main"]["container"]["image"].startswith(f"python:{tested}-")


@pytest.mark.parametrize("name", [*FILES, ".ci/run"])
def test_every_make_target_that_a_file_names_exists(name):
    targets = set(re.findall(r"^([a-z-]+):.* ## ", TEXTS["Makefile"], re.M))
    assert {"lint", "test-fast"} < targets
    assert set(re.findall(r"\bmake ([a-z-]+)", TEXTS[name])) - {"make"} <= targets


@pytest.mark.parametrize("name", [CI, HOOKS, BUG, CATALOG])
def test_every_path_that_a_file_names_exists(name):
    folders = "conf|src|tests|workflow|results|[.]ci|[.]github"
    paths = re.findall(
        rf"(?<![\w./^-])(?:(?:{folders})/[\w./-]*\w|[\w-]+\.(?:md|lock|toml|cff))", TEXTS[name]
    )
    assert paths
    for path in paths:
        if path.startswith("results/"):  # what is made there
            assert f"`{path.split('/')[1]}/`" in (ROOT / "results/README.md").read_text()
        else:
            assert (ROOT / path).exists()


def test_ci_lints_runs_the_fast_tests_and_all_of_ci_run():
    runs = {
        name: [step["run"] for step in job["steps"] if "run" in step] for name, job in JOBS.items()
    }
    assert runs == {
        "lint": ["make install", "make lint"],
        "unit": ["make install", "make test-fast"],
        "main": [".ci/run"],
    }
    assert "make report" in TEXTS[".ci/run"] and "make test" in TEXTS[".ci/run"]


def test_ci_pins_actions_by_major_version_and_may_only_read():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)
    assert YAML[CI]["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] for job in JOBS.values())


def test_a_torch_for_processors_is_taken_from_an_address_that_no_file_names():
    assert YAML[CI]["env"] == {"TORCH_INDEX": "${{ vars.TORCH_INDEX }}"}
    # so that the environment counts
    assert re.search(r"^TORCH_INDEX \?=$", TEXTS["Makefile"], re.M)


@pytest.mark.parametrize("name", [*FILES, "pyproject.toml", ".ci/run"])
def test_the_only_address_is_that_of_the_repository(name):
    (address,) = {YAML["CITATION.cff"]["repository-code"], PROJECT["urls"]["Repository"]}
    assert PROJECT["urls"]["Issues"] == f"{address}/issues"
    assert all(found.startswith(address) for found in re.findall(r"\w+://\S+", TEXTS[name]))


@pytest.mark.parametrize("hook", HOOK_LIST, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_tool_of_make_lint_on_files_that_are_there(hook):
    assert hook["language"] == "system"
    tool, *_ = re.fullmatch(r"\.venv/bin/(\S+(?: [a-z]+)?)(?: --\w+)?", hook["entry"]).groups()
    assert f"$(BIN)/{tool}" in RECIPE
    files = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "workflow").rglob("*")
        if path.is_file()
    ]
    assert hook.get("types") == ["python"] or any(re.search(hook["files"], path) for path in files)


def test_every_tool_of_make_lint_is_a_hook():
    tools = re.findall(r"\$\(BIN\)/(\w+(?: (?:check|format))?)", RECIPE)
    assert len(tools) == len(HOOK_LIST) == 6
    assert all(any(f"/{tool}" in hook["entry"] for hook in HOOK_LIST) for tool in tools)


def test_the_issue_form_asks_for_what_is_needed_to_run_it_again():
    body = YAML[BUG]["body"]
    labels = {
        part["id"]: part["attributes"]["label"] for part in body if part["type"] == "textarea"
    }
    assert len(labels) == len(set(labels.values())) == len(body) - 1
    assert {"command", "study", "lines", "versions"} <= set(labels)


def test_the_issue_forms_command_prints_commit_versions_and_processor():
    (part,) = (part for part in YAML[BUG]["body"] if part.get("id") == "versions")
    code = re.search(r'`python -c "(.+)"`', part["attributes"]["description"])[1]
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True
    )
    assert re.match(r"\S+.* Python 3\.\d+\.\d+, snakemake [\d.]+, torch \S+ .", shown.stdout)


def test_the_catalog_has_the_documented_keys():
    usage = YAML[CATALOG]["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    assert set(usage["software-stack-deployment"]) == {
        "conda",
        "apptainer",
        "apptainer+conda",
        "report",
    }
