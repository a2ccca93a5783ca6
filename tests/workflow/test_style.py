"""What Snakemake and snakefmt say of the workflow, and Snakemake's own report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smallbatch.figures.names import figures_of
from smallbatch.report.captions import CAPTIONS

pytestmark = pytest.mark.slow


def test_snakemakes_lint_finds_nothing(reported):
    assert (
        "Congratulations"
        in reported.run([str(Path(sys.executable).with_name("snakemake")), "--lint"]).output
    )


def test_snakefmt_and_ruff_change_nothing_types_are_right_and_imports_flow_one_way():
    root = Path(__file__).parents[2]
    checks = (
        ["snakefmt", "--check", "workflow"],
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports"],
    )
    for command in checks:
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run([program, *command[1:]], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_snakemakes_own_report_holds_figures_and_page(checkout):
    checkout.snakemake("--report", "report.html")
    text = (checkout.root / "report.html").read_text()
    for name in ("accuracy_by_rate.svg", "best_by_batch_size.svg", "report.html", "Study tiny"):
        assert name in text
    for name in figures_of(json.loads((checkout.results / "tiny" / "study.json").read_text())):
        # by which it is listed
        assert f'{{"figure": {json.dumps(CAPTIONS[name][0])}}}' in text, name
        assert f"figures/{name}.csv</tt>" in text, name  # in its caption


def test_every_rule_has_log_threads_and_resources(reported):
    text = "\n" + "\n".join(
        path.read_text() for path in sorted((reported.root / "workflow" / "rules").glob("*.smk"))
    )
    rules = [rule for rule in text.split("\nrule ")[1:] if "shell:" in rule]
    assert len(rules) == 11
    for rule in rules:
        assert all(f"    {part}:" in rule for part in ("log", "threads", "resources", "conda")), (
            rule.splitlines()[0]
        )
