"""Untrained points that have learned something."""

import json

import pytest
from made import measured, table

from smallbatch.analysis.best import best_settings
from smallbatch.analysis.results import read_results
from smallbatch.analysis.trained import better_than_guessing
from smallbatch.report.summary import summary

IMAGES = 1000  # of validation
CONFIG = {"dataset": {"name": "d", "sizes": {"validation": IMAGES}}}
SLOW = {0.0625: (0.24, 0.3, "untrained"), 0.125: (0.43, 0.4, "untrained")}
SAID = (
    "Untrained points are better than guessing: the most accurate, m = 8 at η̃ = 2⁻³, get 43.0% of the "
    "validation images right, where always answering the most frequent class gets 10.0%. They count as "
    "untrained because their training loss hardly fell: train longer or at a larger η̃; if many training "
    "labels are wrong, validation images with correct labels show what was learned."
)


def frame(cells: dict, guess: float | None = 0.1):
    return table(cells, seeds=2).assign(val_accuracy_guess=guess)


def test_points_that_have_learned_something_stay_untrained_and_the_report_says_what_they_learned():
    assert best_settings(frame(SLOW))["base_lr"].isna().all()
    said = summary(measured(frame(SLOW)), CONFIG, [])
    assert said[0].startswith("No setting trained with every seed") and said[1:] == [SAID]


def test_a_setting_that_trained_is_recommended_without_a_word_on_those_that_did_not():
    said = summary(measured(frame(SLOW | {0.25: (0.98, 0.97)})), _named(), [])
    assert "was best on validation images" in said[0] and "Untrained" not in " ".join(said)


def _named() -> dict:
    return CONFIG | {"model": {"name": "n"}, "optimizer": {"name": "sgd"}}


@pytest.mark.parametrize("accuracy, is_said", [(0.135, False), (0.14, True)])
def test_better_than_guessing_is_four_standard_errors(accuracy, is_said):
    """0.1 + 4 √(0.1 · 0.9 / 1000) = 0.138"""
    cells = {0.1: (accuracy, 0.1, "untrained"), 0.2: (0.9, 0.9, "diverged")}
    assert bool(better_than_guessing(frame(cells), IMAGES)) == is_said


def test_nothing_is_said_of_points_without_the_share_of_the_most_frequent_class():
    assert better_than_guessing(frame(SLOW, guess=None), IMAGES) == []
    assert better_than_guessing(table(SLOW), IMAGES) == []


def test_stored_statuses_are_read_as_they_are_whatever_other_rates_reached(tmp_path):
    for cells in (SLOW, SLOW | {0.25: (0.44, 0.4, "untrained")}):
        points = frame(cells).assign(fleet="f")
        points.to_parquet(tmp_path / "table.parquet")
        setting = {"batch_size": 8, "norm": "none", "schedule": "step", "fleet": "f"}
        budgets = [{"budget": "epochs:1", "settings": [setting]}]
        (tmp_path / "study.json").write_text(json.dumps({"config": CONFIG, "budgets": budgets}))
        read = read_results(tmp_path).table
        assert len(read) == len(points) and read["status"].eq("untrained").all()
