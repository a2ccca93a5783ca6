"""What runs again after a change, and what doesn't: the real DAG on a tiny real study of 24 points
in 4 fleets."""

import ast
import json
import os
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest

from smallbatch.figures.names import FORMATS

pytestmark = pytest.mark.slow

NOTHING = "Nothing to be done"


def test_nothing_runs_when_nothing_changed(checkout):
    assert NOTHING in checkout.snakemake().output


def test_nothing_runs_after_snakemakes_own_records_are_lost(checkout):
    shutil.rmtree(checkout.root / ".snakemake")
    assert NOTHING in checkout.snakemake().output


def test_nothing_runs_in_a_copy_with_other_times(checkout):
    files = sorted(
        path
        for path in checkout.root.rglob("*")
        if path.is_file() and ".snakemake" not in path.parts
    )
    random.Random(0).shuffle(files)
    for age, path in enumerate(files):
        os.utime(path, (1.7e9 + 60 * age, 1.7e9 + 60 * age))
    assert NOTHING in checkout.snakemake().output


def test_no_point_is_trained_when_records_are_lost_and_times_are_scrambled(checkout):
    shutil.rmtree(checkout.root / ".snakemake")
    files = sorted(path for path in checkout.root.rglob("*") if path.is_file())
    random.Random(1).shuffle(files)
    for age, path in enumerate(files):
        os.utime(path, (1.7e9 + 60 * age, 1.7e9 + 60 * age))
    run = checkout.snakemake()
    assert run.trained == 0 and "train" not in run.jobs


def test_another_seed_rate_or_batch_size_trains_only_the_new_points_and_going_back_none(checkout):
    assert checkout.snakemake("table", hydra="grid.seeds=3").trained == 12
    assert (
        checkout.snakemake("table", hydra="grid.seeds=3 grid.base_lr=[2**-7..2**-4]").trained == 12
    )
    assert checkout.snakemake("table", hydra="grid.batch_size=[8,16,32]").trained == 12
    shutil.rmtree(checkout.root / ".snakemake")  # nor does going back depend on Snakemake's records
    back = checkout.snakemake("table")
    assert back.trained == 0
    assert len(pq.read_table(checkout.results / "tiny" / "table.parquet")) == 24


def test_the_store_alone_is_enough(checkout):
    shutil.rmtree(checkout.root / ".snakemake")
    for name in ("jobs", "plan", "tiny", "benchmarks"):
        shutil.rmtree(checkout.results / name)
    run = checkout.snakemake("table")
    assert run.jobs["train"] == 4 and run.trained == 0


def test_editing_a_figure_runs_only_that_figure_and_the_page(checkout):
    drawn = checkout.results / "drawn" / "tiny"
    before = {path.name: path.stat().st_mtime_ns for path in drawn.iterdir()}
    checkout.edit("src/smallbatch/figures/accuracy_by_rate.py", "markersize=5", "markersize=4")
    assert checkout.snakemake().jobs == {"all": 1, "draw": 1, "page": 1}
    after = {path.name: path.stat().st_mtime_ns for path in drawn.iterdir()}
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {f"accuracy_by_rate.{kind}" for kind in (*FORMATS, "digest")}
    log = (checkout.results / "logs" / "tiny" / "figures.log").read_text()
    assert "accuracy_by_rate: drawn in" in log and "9 of 10 figures were up to date" in log


def test_a_figure_that_was_deleted_comes_back_without_being_drawn(checkout):
    figures = checkout.results / "tiny" / "figures"
    content = (figures / "stable_range.png").read_bytes()
    (figures / "stable_range.png").unlink()
    assert checkout.snakemake("figures").jobs == {"draw": 1, "figures": 1}
    assert (figures / "stable_range.png").read_bytes() == content
    assert (
        "10 of 10 figures were up to date"
        in (checkout.results / "logs" / "tiny" / "figures.log").read_text()
    )


def test_a_figure_that_fails_leaves_the_others_and_is_named_at_the_end(checkout):
    checkout.edit(
        "src/smallbatch/figures/stable_range.py",
        "set_style()",
        "set_style(); raise KeyError('nan')",
    )
    checkout.edit("src/smallbatch/figures/accuracy_by_rate.py", "markersize=5", "markersize=4")
    failed = checkout.snakemake(check=False)
    last = failed.output.strip().splitlines()[-1]
    assert failed.status == 1 and last.startswith(
        "error: rule draw failed (results/tiny/figures): "
    )
    assert "could not draw stable_range (KeyError: 'nan')" in last and last.endswith(
        "results/logs/tiny/figures.log"
    )
    checkout.edit(
        "src/smallbatch/figures/stable_range.py",
        "set_style(); raise KeyError('nan')",
        "set_style()",
    )
    assert checkout.snakemake().jobs == {"all": 1, "draw": 1, "page": 1}
    log = (checkout.results / "logs" / "tiny" / "figures.log").read_text()
    assert "stable_range: drawn in" in log and "9 of 10 figures were up to date" in log


def test_editing_training_code_trains_everything_again_unless_the_old_code_is_accepted(checkout):
    old = pq.read_table(checkout.results / "tiny" / "table.parquet")["code"][0].as_py()
    checkout.edit(
        "src/smallbatch/training/optimizers/sgd.py", "if len(lr) == 1:", "if len(lr) <= 1:"
    )
    dry = checkout.snakemake("-n", "table")
    assert dry.jobs["train"] == 4 and f'hydra="accept_code=[{old}]"' in dry.output
    accepted = checkout.snakemake("table", hydra=f"accept_code=[{old}]")
    assert accepted.trained == 0
    assert checkout.snakemake("table").trained == 24
    codes = set(pq.read_table(checkout.results / "tiny" / "table.parquet")["code"].to_pylist())
    assert len(codes) == 1 and old not in codes


def test_editing_code_that_no_number_depends_on_trains_nothing(checkout):
    names = (
        "storage/store.py",
        "planning/plan.py",
        "jobs/run.py",
        "jobs/train_missing.py",
        "core/atomic.py",
        "core/records.py",
        "jobs/collect.py",
        "core/errors.py",
        "core/text.py",
    )
    for path in names:
        file = checkout.root / "src" / "smallbatch" / path
        file.write_text(file.read_text() + "\nEDITED = 1\n")
    run = checkout.snakemake("table")
    assert (
        run.trained == 0
        and "train" not in run.jobs
        and run.jobs["collect"] == run.jobs["analyse"] == 1
    )


def test_commenting_reformatting_and_moving_training_code_trains_nothing(checkout):
    package = checkout.root / "src" / "smallbatch"
    for path in (package / "training").rglob("*.py"):
        path.write_text(f"# A comment.\n{ast.unparse(ast.parse(path.read_text()))}\n# Another.\n")
    # in its docstring
    checkout.edit("src/smallbatch/training/optimizers/sgd.py", "Stochastic", "Plain stochastic")
    (package / "rules").mkdir()
    (package / "training" / "optimizers" / "sgd.py").rename(package / "rules" / "descent.py")
    for path in package.rglob("*.py"):
        path.write_text(
            path.read_text().replace(
                "smallbatch.training.optimizers.sgd ", "smallbatch.rules.descent "
            )
        )
    run = checkout.snakemake("table")
    assert run.trained == 0 and not {"train", "data"} & set(run.jobs)


def test_swapping_two_values_of_a_config_is_seen(checkout):
    first = checkout.snakemake(
        "table", hydra="optimizer.momentum=0.5 optimizer.weight_decay=0.25 grid.batch_size=[16]"
    )
    swapped = checkout.snakemake(
        "table", hydra="optimizer.momentum=0.25 optimizer.weight_decay=0.5 grid.batch_size=[16]"
    )
    assert first.trained == swapped.trained == 12


def test_a_foreign_dry_run_in_the_middle_of_a_run_does_no_harm(checkout):
    with ThreadPoolExecutor() as pool:
        running = pool.submit(checkout.snakemake, "table", hydra="grid.seeds=4")
        logs = set(checkout.results.glob("logs/train/*.log"))
        while not set(checkout.results.glob("logs/train/*.log")) - logs and not running.done():
            time.sleep(0.05)
        for _ in range(2):  # with other settings, while jobs run
            assert checkout.snakemake("-n", "table", hydra="grid.seeds=1 grid.batch_size=[8]").jobs
            assert not running.done()
    assert running.result().trained == 24
    assert len(pq.read_table(checkout.results / "tiny" / "table.parquet")) == 48
    assert NOTHING in checkout.snakemake("table", hydra="grid.seeds=4").output


def test_rebuilding_from_copied_results_trains_nothing_and_gives_the_same_tables(checkout, fresh):
    shutil.copytree(checkout.results, fresh.results, copy_function=shutil.copy)
    run = fresh.snakemake()
    assert run.trained == 0 and "train" not in run.jobs
    for name in ("table", "history", "correct"):
        path = f"tiny/{name}.parquet"
        assert pq.read_table(fresh.results / path).equals(pq.read_table(checkout.results / path))


def test_two_runs_give_identical_tables_but_for_seconds_and_time(checkout, fresh):
    fresh.snakemake("table")
    for name in ("table", "history", "correct"):
        one, two = (
            pq.read_table(c.results / "tiny" / f"{name}.parquet") for c in (checkout, fresh)
        )
        volatile = [
            column for column in ("seconds", "seconds_alone", "time") if column in one.column_names
        ]
        assert one.drop(volatile).equals(two.drop(volatile))


def test_training_by_hand_fills_the_store_of_the_workflow(fresh):
    by_hand = fresh.module(
        "smallbatch.train",
        "study=digits",
        "grid.budget=epochs:1",
        "grid.batch_size=[16]",
        "grid.base_lr=[2**-6]",
        "grid.seeds=2",
    )
    assert "16    bn:16" in by_hand.output
    run = fresh.snakemake(
        "table",
        study="digits",
        hydra="grid.budget=epochs:1 grid.batch_size=[16] grid.base_lr=[2**-6] grid.seeds=2",
    )
    assert run.trained == 0
    assert json.loads((fresh.results / "digits" / "study.json").read_text())["points"] == 4


# What a job needs not: where these can't be imported, there is torch, numpy, pyarrow and what torch
# needs.
OTHERS = (
    "hydra",
    "omegaconf",
    "mlflow",
    "snakemake",
    "pandas",
    "scipy",
    "sklearn",
    "seaborn",
    "rich",
    "yaml",
    "psutil",
)
NUMBA = ("numba", "llvmlite")  # without which training is slower


@pytest.mark.parametrize("blocked", [OTHERS, OTHERS + NUMBA], ids=["with numba", "without"])
def test_a_planned_job_runs_anywhere_with_its_plan_and_data(checkout, fresh, blocked):
    for name in ("plan", "data"):
        shutil.copytree(checkout.results / name, fresh.results / name)
    plan = next(fresh.results.glob("plan/digits-conv-m16-*.json"))
    script = (
        "import sys\n"
        "class Without:\n"
        "    def __init__(self, finder): self.finder = finder\n"
        "    def __getattr__(self, name): return getattr(self.finder, name)\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] not in {blocked}: return self.finder.find_spec(name, path, target)\n"
        "sys.meta_path[:] = map(Without, sys.meta_path)\n"
        f"sys.argv[1:] = [{str(plan.relative_to(fresh.root))!r}]\n"
        "from smallbatch.train import main\n"
        "main()\n"
    )
    run = fresh.python("-c", script)
    one, two = (
        pq.read_table(c.results / "jobs" / plan.stem / "summary.parquet") for c in (checkout, fresh)
    )
    if blocked == OTHERS:
        assert one.drop("seconds").equals(two.drop("seconds"))
    else:
        assert "replicas train as channel groups: the compiled step needs Numba" in run.output
        assert one["point"].equals(two["point"]) and set(two["engine"].to_pylist()) == {"groups"}
        columns = zip(
            *(t["train_loss"].to_pylist() for t in (one, two)),
            one["base_lr"].to_pylist(),
            strict=True,
        )
        # At larger rates rounding, which differs from processor to processor, grows to some percent
        # in an epoch.
        calm = [(ours, theirs) for ours, theirs, base_lr in columns if base_lr == 2.0**-7]
        assert calm and all(ours == pytest.approx(theirs, rel=0.02) for ours, theirs in calm)
