"""Each rule runs again after an edit of any file that its command reads its code from."""

import json
import re
import shutil

import pytest

from smallbatch.core.import_graph import PACKAGE, source_files
from smallbatch.figures.names import FIGURES

pytestmark = pytest.mark.slow

# By rule: the modules whose files it names, the arguments of its command, one of its files, and
# modules that the command imports only in some studies, or (None) so many that they aren't named
# here.
RULES = {
    "calibrate": (["resources.calibrate"], ["{plan}", "again.csv"], "calibration.csv", None),
    "collect": (["jobs.collect"], ["{plan}"], "table.parquet", []),
    "analyse": (["analysis"], ["results/tiny"], "claims.json", []),
    "page": (["report"], ["results/tiny"], "report.html", ["analysis/claims/"]),
    "draw": (
        ["figures", *(f"figures.{name}" for name in FIGURES)],
        ["results/tiny"],
        "figures.json",
        ["analysis/", "figures/"],
    ),
    "track_study": (["tracking"], ["results/tiny"], "mlflow.csv", ["tracking/client_writer.py"]),
}
RUN = """
import atexit, json, os, runpy, sys
def say():
    files = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("smallbatch")]
    print("\\n" + json.dumps([os.path.realpath(file) for file in files if file]))
atexit.register(say)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
# Figures are drawn in processes of their own, which this one does not look into: draw them here
# too.
DRAW = """
from pathlib import Path
from smallbatch.figures.save import save_figure
folder = Path("results/tiny")
for path in list((folder / "figures").glob("*.svg")):
    save_figure(path.stem, folder, folder)
"""


@pytest.fixture(scope="module")
def tracked(reported, tmp_path_factory):
    checkout = reported.copy(tmp_path_factory.mktemp("sources") / "copy")
    checkout.snakemake(hydra="tracking=mlflow")
    return checkout


@pytest.fixture(scope="module")
def edited(tracked, tmp_path_factory):
    """With a comment more in every file, by which no training code becomes another."""
    checkout = tracked.copy(tmp_path_factory.mktemp("edited") / "copy")
    for path in (checkout.root / "src" / "smallbatch").rglob("*.*"):
        if path.suffix in (".py", ".html", ".css", ".js", ".bib"):
            path.write_text(path.read_text() + "\n")
    return checkout


@pytest.mark.parametrize("name", RULES)
def test_an_edit_of_any_file_that_a_command_reads_runs_its_rule(tracked, edited, name, tmp_path):
    modules, arguments, target, at_times = RULES[name]
    # since the command writes tables, which others may be made from
    tracked = tracked.copy(tmp_path / "copy")
    plan = next(path for path in (tracked.results / "plan").glob("tiny-*.study.json"))
    if name == "calibrate":
        shutil.rmtree(tracked.results / "store" / "calibration")  # so that it measures
    arguments = [argument.format(plan=plan.relative_to(tracked.root)) for argument in arguments]
    script = RUN + DRAW if name == "draw" else RUN
    ran = tracked.python("-c", script, f"smallbatch.{modules[0]}", *arguments)
    source = tracked.root / "src" / "smallbatch"
    read = {
        path.removeprefix(f"{source}/") for path in json.loads(ran.output.strip().splitlines()[-1])
    }
    # the study's own network: its code is in the digest that its jobs are named by
    read.discard("models/conv.py")
    assert "__init__.py" in read and ("training/loop.py" in read) == (name == "calibrate")

    dry = edited.snakemake(
        "-n", f"results/tiny/{target}", "--allowed-rules", name, hydra="tracking=mlflow"
    )
    (reason,) = re.findall(r"reason: Updated input files: (.*)", dry.output)
    updated = {path.removeprefix("src/smallbatch/") for path in reason.split(", ")}
    assert read <= updated
    assert updated == {
        str(path.relative_to(PACKAGE))
        for path in source_files(*(f"smallbatch.{m}" for m in modules))
    }
    if at_times is not None:
        # what `python -m` runs has no name of its own
        own = {
            "__main__.py",
            *(f"{module.rpartition('.')[2]}.py" for module in modules),
        }
        extra = [path for path in updated - read if not path.startswith(tuple(at_times))]
        assert all(path.rpartition("/")[2] in own or not path.endswith(".py") for path in extra), (
            extra
        )


def test_an_edit_of_a_template_runs_the_page_alone(tracked, tmp_path):
    checkout = tracked.copy(tmp_path / "copy")
    checkout.edit("src/smallbatch/report/report.css", "{", "{ ")
    assert set(checkout.snakemake("-n", hydra="tracking=mlflow").jobs) == {
        "all",
        "page",
        "track_report",
    }
