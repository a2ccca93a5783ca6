"""Claims through the workflow: decided from the tables alone, and what would decide them trains
only what is new."""

import json
import shutil

import pandas as pd
import pytest
from checkout import Checkout

from smallbatch.analysis.claims.verdict import VERDICTS

pytestmark = pytest.mark.slow
TABLES = {
    "table.parquet",
    "history.parquet",
    "correct.parquet",
    "gaps.csv",
    "cost.json",
    "study.json",
    "calibration.csv",
}


def claims(checkout: Checkout, study: str = "tiny") -> dict[str, dict]:
    return {
        one["claim"]: one
        for one in json.loads((checkout.results / study / "claims.json").read_text())
    }


def test_every_claim_has_a_verdict_and_what_would_decide_it(reported):
    found = claims(reported)
    assert list(found) == ["small-batch", "stable-range"]
    for one in found.values():
        assert one["interim"] and one["seeds"] == 2 and one["test_images"] in (0, 517)
        assert one["verdict"] in VERDICTS
    assert found["small-batch"]["verdict"] == "undecided"
    data = pd.read_csv(reported.results / "tiny" / "figures" / "claims.csv")
    assert data["estimate"].tolist() == pytest.approx([one["estimate"] for one in found.values()])


def test_all_but_the_tables_is_made_again_without_training(checkout):
    folder = checkout.results / "tiny"
    before = {
        name: (folder / name).read_bytes()
        for name in ("best.csv", "claims.json", "figures/claims.csv", "figures/claims.svg")
    }
    for path in folder.iterdir():
        if path.name not in TABLES:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    run = checkout.snakemake()
    assert run.trained == 0 and "train" not in run.jobs and run.jobs["draw"] == 1
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_another_least_effect_decides_anew_and_trains_nothing(checkout):
    before = claims(checkout)["small-batch"]
    run = checkout.snakemake("table", hydra="claims.tests.small-batch.delta=0.01")
    after = claims(checkout)["small-batch"]
    assert run.trained == 0 and run.jobs["analyse"] == 1
    assert after["needs"] != before["needs"] and after["estimate"] == before["estimate"]
    study = json.loads((checkout.results / "tiny" / "study.json").read_text())
    # which the page has in its title
    assert study["overrides"] == ["claims.tests.small-batch.delta=0.01"]


def test_what_would_decide_a_claim_trains_only_the_new_points(checkout):
    one = claims(checkout)["small-batch"]
    assert one["overrides"] == ["grid.seeds=10"]
    # in fewer processes
    run = checkout.snakemake("table", hydra=f"{one['overrides'][0]} training.job_seconds=9")
    assert run.trained == 12 * 8
    after = claims(checkout)["small-batch"]
    assert after["seeds"] == 10 and not after["interim"]


def test_claims_that_a_narrowed_grid_cannot_decide_say_what_they_lack(checkout):
    run = checkout.snakemake("table", hydra="grid.batch_size=[8] grid.norm=[none]")
    found = claims(checkout)
    assert run.trained == 0 and {one["verdict"] for one in found.values()} == {"undecided"}
    assert "no batch size above 8" in found["small-batch"]["decide_by"]
    assert "no setting of the study has batch norm" in found["stable-range"]["decide_by"]


def test_two_studies_results_are_compared(checkout):
    shutil.copytree(checkout.results / "tiny", checkout.root / "before")
    same = checkout.module("smallbatch.compare", "before", "results/tiny")
    assert same.status == 0 and "Nothing differs" in same.output
    checkout.snakemake("table", hydra="grid.seeds=3")
    other = checkout.module("smallbatch.compare", "before", "results/tiny", check=False)
    assert other.status == 1 and "grid.seeds" in other.output and "only after" in other.output
    assert "3 seeds" in other.output
