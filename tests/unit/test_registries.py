"""Each concept has one list, and configuration, implementation and documentation agree with it."""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from smallbatch.analysis.claims.judge import KINDS
from smallbatch.config.claims import MEASURES, TESTS
from smallbatch.config.compose import compose
from smallbatch.config.schedules import NAMES
from smallbatch.config.schema import Evaluation, Optimizer, Schedule
from smallbatch.core import records
from smallbatch.figures.names import FIGURES
from smallbatch.jobs import collect, train_missing
from smallbatch.measures.registry import EPOCH_MEASURES, asked_for
from smallbatch.report.captions import CAPTIONS
from smallbatch.report.reported import MEASURES as FUNCTIONS
from smallbatch.resources import calibrate
from smallbatch.schedules.adaptive import RULES
from smallbatch.schedules.registry import SCHEDULES
from smallbatch.storage import schemas
from smallbatch.tracking.run import METRICS
from smallbatch.training.engines import choose
from smallbatch.training.optimizers.kinds import OPTIMIZERS
from smallbatch.training.optimizers.steps import FACTORIES

ROOT = Path(__file__).parents[2]
SHARED_KEYS = {"name", "weight_decay"}  # which every optimizer has
EVERY_SCHEDULE = {"name", "warmup", "warmup_from", "momentum", "sampling"}
DOCUMENTATION = "\n".join(
    path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
)


def conf(group: str) -> dict[str, dict]:
    """The files of a folder of conf/ by name."""
    return {
        path.stem: yaml.safe_load(path.read_text())
        for path in (ROOT / "conf" / group).glob("*.yaml")
    }


def keys_of(cls: type) -> set[str]:
    return {field.name for field in dataclasses.fields(cls)}


def documented(title: str) -> list[str]:
    """The names in the first column of the documentation's only table whose first title is
    `title`."""
    (table,) = re.findall(
        rf"^\| {re.escape(title)} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", DOCUMENTATION, re.M
    )
    return [
        name for row in table.splitlines() for name in re.findall("`([^`]+)`", row.split("|")[1])
    ]


def test_optimizers_have_a_class_a_file_and_a_place_in_the_documentation():
    files = conf("optimizer")
    assert (
        set(OPTIMIZERS) == set(FACTORIES) == set(files) == {one["name"] for one in files.values()}
    )
    assert set(OPTIMIZERS) <= set(re.findall(r"`optimizer=(\w+)", DOCUMENTATION))
    assert keys_of(Optimizer) == SHARED_KEYS.union(*(kind.keys for kind in OPTIMIZERS.values()))
    for name, config in files.items():
        assert set(config) <= SHARED_KEYS | set(OPTIMIZERS[name].keys)


def test_schedules_have_keys_a_file_and_a_row_of_the_documentation():
    files = conf("schedule")
    assert tuple(SCHEDULES) == NAMES and set(RULES) <= set(SCHEDULES)
    assert set(SCHEDULES) == {one["name"] for one in files.values()}
    assert sorted(documented("`schedule=`")) == sorted(files)
    assert keys_of(Schedule) == EVERY_SCHEDULE.union(*(kind.keys for kind in SCHEDULES.values()))
    for config in files.values():
        assert set(config) <= EVERY_SCHEDULE | set(SCHEDULES[config["name"]].keys)


def test_claims_have_a_function_a_file_and_a_row_of_the_documentation():
    files = conf("claim")
    assert set(TESTS) == set(KINDS) == {one["test"] for one in files.values()}
    assert sorted(documented("`claim=`")) == sorted(files)
    for config in files.values():
        assert {"test", "statement", "source", *TESTS[config["test"]]} <= set(config)


def test_what_stands_beside_a_papers_values_has_a_function_and_a_paper_that_uses_it():
    used = {
        one.get("measure") for paper in conf("paper").values() for one in paper["reported"].values()
    }
    assert set(MEASURES) == set(FUNCTIONS) == used - {None}


def test_figures_have_a_file_a_caption_and_a_row_of_the_documentation():
    helpers = {"__init__", "__main__", "chosen", "draw", "hover", "names", "save", "style"}
    files = {path.stem for path in (ROOT / "src" / "smallbatch" / "figures").glob("*.py")} - helpers
    assert set(FIGURES) == set(CAPTIONS) == files and len(FIGURES) == len(set(FIGURES))
    assert sorted(documented("figure")) == sorted(FIGURES)


def test_per_epoch_measures_have_a_key_columns_and_a_figure():
    for measure in EPOCH_MEASURES:
        assert measure.key in keys_of(Evaluation) and getattr(Evaluation(), measure.key) is None
        assert measure.figure in FIGURES and set(measure.tracked) <= set(
            measure.columns.names
        ) & set(METRICS)
        assert all(
            re.search(rf"\b{name}\b", DOCUMENTATION)
            for name in [measure.key, *measure.columns.names]
        )
        assert set(measure.columns.names) <= set(schemas.HISTORY.names)


def test_a_study_measures_what_it_asks_for_alone():
    assert [one.key for one in asked_for(compose("schedules-digits", [])["evaluation"])] == [
        "noise_scale"
    ]
    assert asked_for(compose("digits", [])["evaluation"]) == []


@pytest.mark.parametrize("name", schemas.TABLES)
def test_no_column_stands_twice_and_what_may_be_left_out_is_a_column(name):
    names = schemas.SCHEMAS[name].names
    assert len(names) == len(set(names)) and schemas.OPTIONAL[name] < set(names)


def test_the_studys_table_has_every_column_of_a_summary():
    """And what the study adds: its name, and its names for budget and schedule; the time that one
    model alone would take."""
    assert sorted(collect.TABLE) == sorted(
        {*schemas.SUMMARY.names, "study", "budget", "schedule", "seconds_alone"}
    )


def test_a_new_key_of_a_fleet_must_say_whether_the_speed_of_a_step_depends_on_it():
    """These lists are kept by hand: calibration, the choice of an engine, what the table shows."""
    keys = set(records.Fleet.__annotations__)
    course = {"schedule", "evaluation", "updates", "examples"}  # many of the same step
    assert set(calibrate.STEP) | course == keys
    assert set(choose.SETTING) | course | {"dataset", "augmentation"} == keys
    own_columns = {"dataset", "batch_size", "norm", "bn_batch_size", "updates"}
    not_shown = {"evaluation", "examples"}
    assert set(train_missing.SETTINGS) | own_columns | not_shown == keys
