"""The typed records name the keys that plans, tables and studies really have."""

import dataclasses
import typing

import pytest

from smallbatch.config import claims as config_claims
from smallbatch.config import schema as classes
from smallbatch.config.compose import compose
from smallbatch.core import records
from smallbatch.planning.grid import expand
from smallbatch.planning.plan import make_plan
from smallbatch.storage import schemas


def keys(record) -> set[str]:
    return set(typing.get_type_hints(record))


def required(record) -> set[str]:
    return set(record.__required_keys__)


def names(schema) -> set[str]:
    return {field.name for field in schema}


@pytest.fixture(scope="module")
def plan():
    return make_plan(compose("digits", []), "code", "data")


def test_a_summary_and_a_row_of_a_history_have_the_columns_of_the_store():
    assert keys(records.Summary) == names(schemas.SUMMARY) | {"budget", "schedule"}
    assert keys(records.HistoryRow) == names(schemas.EPOCH) - {"point"}


@pytest.mark.parametrize(
    ("record", "settings"),
    [
        (records.OptimizerSettings, classes.Optimizer),
        (records.ScheduleSettings, classes.Schedule),
        (records.AugmentationSettings, classes.Augmentation),
    ],
)
def test_settings_of_a_fleet_have_the_keys_of_the_config(record, settings):
    assert keys(record) == {field.name for field in dataclasses.fields(settings)}


def test_a_planned_claim_has_the_keys_of_the_config_and_its_name(plan):
    assert keys(records.PlannedClaim) == {
        f.name for f in dataclasses.fields(config_claims.Claim)
    } | {"claim"}
    assert all(set(claim) == keys(records.PlannedClaim) for claim in plan.study["claims"])


def test_plans_have_the_keys_of_their_records(plan):
    assert required(records.StudyPlan) == set(plan.study)
    assert all(keys(records.GridRow) == set(row) for row in expand(plan.study["config"]))
    for job in plan.jobs.values():
        assert keys(records.Job) == set(job) and keys(records.Resources) == set(job["resources"])
        for entry in job["fleets"]:
            assert keys(records.JobFleet) == set(entry)
            assert required(records.Fleet) <= set(entry["fleet"]) <= keys(records.Fleet)
            assert all(keys(records.PointBlock) == set(block) for block in entry["points"])
    for entry in plan.study["budgets"]:
        assert keys(records.BudgetSettings) == set(entry)
        assert all(keys(records.Setting) == set(setting) for setting in entry["settings"])
