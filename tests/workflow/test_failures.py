"""A fleet that fails leaves the others' results; a partial report; healing."""

import csv
import re
import shutil

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow
FAILING = {"study": "failing"}


def test_a_failed_fleet_leaves_the_others_and_heals_later(fresh):
    (fresh.root / "broken").touch()
    failed = fresh.snakemake("table", "--keep-going", check=False, **FAILING)
    assert failed.status != 0
    assert (
        "At least one job did not complete" not in failed.output
        and "CalledProcessError" not in failed.output
    )
    for line in failed.output.strip().splitlines()[-2:]:
        assert re.fullmatch(
            r"error: rule train failed \(results/jobs/(digits-fails-\S+)/summary\.parquet\): digits-fails-\S+: "
            r"model mynets\.FailsWithBatchNorm: it cannot be made from classes, norm "
            r"\(this network is broken in \S+/mynets\.py, line \d+\); the whole log: results/logs/train/\1\.log",
            line,
        ), line
    stored = {path.parts[-3] for path in fresh.results.glob("store/*/*/part-*")}
    assert len(stored) == 2 and all("-none-" in fleet for fleet in stored)

    partial = fresh.snakemake(partial="true", **FAILING)
    assert partial.trained == 0
    table = pq.read_table(fresh.results / "failing" / "table.parquet")
    assert len(table) == 12 and set(table["norm"].to_pylist()) == {"none"}
    with open(fresh.results / "failing" / "gaps.csv") as file:
        gaps = list(csv.DictReader(file))
    assert (
        len(gaps) == 6
        and {row["norm"] for row in gaps} == {"bn"}
        and gaps[0]["missing_seeds"] == "0 1"
    )
    page = (fresh.results / "failing" / "report.html").read_text()
    assert "This report is partial" in page and "Missing points" in page

    (fresh.root / "broken").unlink()
    healed = fresh.snakemake("table", **FAILING)
    assert healed.trained == 12
    assert len(pq.read_table(fresh.results / "failing" / "table.parquet")) == 24


def test_a_partial_report_never_passes_for_the_whole_one(fresh):
    fresh.snakemake("table", hydra="grid.batch_size=[8] grid.norm=[none]")  # one of four fleets
    partial = fresh.snakemake("table", partial="true")
    assert (
        partial.trained == 0 and len(pq.read_table(fresh.results / "tiny" / "table.parquet")) == 6
    )
    shutil.rmtree(fresh.root / ".snakemake")
    assert fresh.snakemake("table").trained == 18
    assert len(pq.read_table(fresh.results / "tiny" / "table.parquet")) == 24


def test_a_failed_fleet_leaves_the_other_fleets_of_its_own_job(fresh):
    (fresh.root / "broken").touch()
    one_job = FAILING | {"hydra": "training.job_seconds=100"}
    failed = fresh.snakemake("table", check=False, **one_job)
    assert failed.status != 0 and "12 points of this job were trained and are kept" in failed.output
    assert fresh.snakemake("-n", "table", **one_job).jobs["train"] == 1
    (fresh.root / "broken").unlink()
    assert fresh.snakemake("table", **one_job).trained == 12


def test_partial_of_nothing_says_so(fresh):
    run = fresh.snakemake("table", partial="true", check=False)
    assert run.status != 0 and "nothing has been trained yet" in run.output


def test_damaged_data_and_plans_are_named(checkout):
    plan = next(checkout.results.glob("plan/digits-conv-m16-bn-*.json"))
    for folder in checkout.results.glob("store/*"):
        shutil.rmtree(folder)
    for path in checkout.results.glob("data/*/images.npy"):
        path.write_bytes(path.read_bytes()[:1000])
    job = checkout.module("smallbatch.train", str(plan), check=False)
    assert (
        job.status == 1
        and "the prepared data cannot be read" in job.output
        and "Traceback" not in job.output
    )
    plan.write_text("{")
    job = checkout.module("smallbatch.train", str(plan), check=False)
    assert (
        job.status == 1
        and "not a readable plan file" in job.output
        and "Traceback" not in job.output
    )
