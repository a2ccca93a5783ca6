"""The workflow in a folder that is not its checkout: with ``--directory``, and as a module of
another workflow."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import REPOSITORY, Checkout, snakemake

pytestmark = pytest.mark.slow

# The outer workflow's own rule comes first, so it is the default target, and its config has a key
# of its own.
OUTER = """
configfile: "config.yaml"


rule summary:
    input:
        "results/tiny/report.html",
        claims="results/tiny/claims.json",
    output:
        f"{config['sample']}.json",
    shell:
        "cp {input.claims} {output}"


module smallbatch:
    snakefile: SNAKEFILE
    config: config
    MORE


use rule * from smallbatch as sb_*
"""
CONFIG = f"study: tiny\nconf: {REPOSITORY}/tests/conf\nhydra: grid.seeds=1\nsample: mine\n"
RUN = [snakemake(), "--cores", "2"]


@dataclass
class Elsewhere(Checkout):
    """A folder in which the workflow of a checkout runs."""

    code: Checkout

    @property
    def environment(self) -> dict:
        return self.code.environment


def outer(
    code: Checkout, folder: Path, snakefile: str = "", more: str = "", config: str = CONFIG
) -> Elsewhere:
    """A workflow in a new folder that uses a checkout as a module."""
    folder.mkdir()
    text = OUTER.replace("SNAKEFILE", snakefile or repr(f"{code.root}/workflow/Snakefile")).replace(
        "MORE", more
    )
    (folder / "Snakefile").write_text(text)
    (folder / "config.yaml").write_text(config)
    return Elsewhere(folder, code)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_with_a_directory_everything_is_written_there(fresh, tmp_path):
    before = files(fresh.root)
    assert fresh.forked(fresh.command("--directory", str(tmp_path / "there"))).trained == 24
    assert "A tiny study" in (tmp_path / "there" / "results" / "tiny" / "report.html").read_text()
    command = fresh.command("--snakefile", "fresh/workflow/Snakefile", "--directory", "there")
    assert "Nothing to be done" in Elsewhere(tmp_path, fresh).run(command).output
    assert files(fresh.root) == before


def test_another_workflow_uses_it_as_a_module(fresh, tmp_path):
    before = files(fresh.root)
    folder = outer(fresh, tmp_path / "outer")
    jobs = folder.forked(RUN).jobs
    assert jobs["sb_train"] == 2 and jobs["summary"] == 1
    assert "A tiny study" in (folder.results / "tiny" / "report.html").read_text()
    assert (folder.root / "mine.json").read_bytes() == (
        folder.results / "tiny" / "claims.json"
    ).read_bytes()
    profile = str(fresh.root / "workflow" / "profiles" / "default")
    again = folder.forked([*RUN, "--workflow-profile", profile, "sb_all", "summary"])
    assert "Nothing to be done" in again.output
    assert files(fresh.root) == before


def test_a_modules_misspelt_setting_is_told_and_keys_of_the_outer_workflow_are_not(fresh, tmp_path):
    shown = (
        outer(fresh, tmp_path / "outer", config=CONFIG + "hydar: grid.seeds=9\n")
        .forked([*RUN, "-n", "--quiet"])
        .output
    )
    assert "warning: config key hydar is not a setting of smallbatch; did you mean hydra?" in shown
    assert "key sample" not in shown


@pytest.mark.parametrize("more", ["prefix: 'sub'", "replace_prefix: {'results/': 'sub/'}"])
def test_a_modules_prefix_is_refused(fresh, tmp_path, more):
    run = outer(fresh, tmp_path / "outer", more=more).forked([*RUN, "-n"], check=False)
    assert run.status == 1 and run.error.endswith("not supported; smallbatch writes to results/")
    assert not (tmp_path / "outer" / "results").exists()


def test_a_module_that_is_no_folder_on_disk_is_refused(fresh, tmp_path):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], cwd=fresh.root, check=True)
    remote = f"gitfile({str(fresh.root)!r}, path='workflow/Snakefile', ref='HEAD')"
    run = outer(fresh, tmp_path / "outer", snakefile=remote).forked([*RUN, "-n"], check=False)
    assert run.status == 1 and "clone it" in run.error
