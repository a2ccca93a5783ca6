"""Two folders of a study's results side by side."""

import pandas as pd
import pytest
from made import claim, table

from smallbatch import compare as module
from smallbatch.analysis.best import best_settings
from smallbatch.analysis.results import Results
from smallbatch.compare import changed_claims, compare
from smallbatch.core.errors import UserError

ABOUT = {"code": "c", "commit": "e", "versions": "f", "processor": "g", "engine": "compiled"}


def results(tmp_path, frame: pd.DataFrame, config: dict) -> Results:
    frame = frame.assign(**{key: value for key, value in ABOUT.items() if key not in frame})
    return Results({"config": config}, frame, best_settings(frame), tmp_path)


@pytest.fixture
def frame():
    return table({0.1: (0.8, 0.7), 0.2: (0.9, 0.8), 0.4: (0.8, 0.7)})


def test_the_same_results_differ_in_nothing_but_times(tmp_path, frame):
    later = frame.assign(seconds=9.0, seconds_alone=8.0)
    assert compare(results(tmp_path, frame, {"a": 1}), results(tmp_path, later, {"a": 1})) == {}


def test_settings_points_origin_and_best_settings_that_changed_are_named(tmp_path, frame):
    other = pd.concat([frame, table({0.8: (0.7, 0.6)})]).assign(commit="later")
    other.loc[(other["base_lr"] == 0.4) & (other["seed"] == 1), "val_accuracy"] = 0.99
    other.loc[other["base_lr"] == 0.4, "val_accuracy"] += 0.1
    found = compare(
        results(tmp_path, frame, {"grid": {"seeds": 3}}),
        results(tmp_path, other, {"grid": {"seeds": 4}}),
    )
    assert found["Settings"].to_dict("records") == [
        {"key": "grid.seeds", "before": "3", "after": "4"}
    ]
    points = found["Points"].set_index("what")
    assert (
        points.loc["only after", "points"] == 3 and points.loc["other val_accuracy", "points"] == 3
    )
    assert points.loc["other val_accuracy", "largest difference"] == "0.29"
    assert found["Trained with"]["after"].tolist() == ["later"]
    assert "η̃ = 0.2, 81.00%, 3 seeds" in found["Best settings"]["before"].iloc[0]
    assert "η̃ = 0.4, 71.00%, 3 seeds" in found["Best settings"]["after"].iloc[0]


def test_verdicts_that_changed_are_named():
    one, told = claim(), claim(verdict="supported", ci_low=0.1)
    found = changed_claims({"a": one, "b": one}, {"a": one, "b": told})
    assert found.to_dict("records") == [
        {
            "claim": "b",
            "before": "undecided: +0.40 points (−0.10 to +0.90)",
            "after": "supported: +0.40 points (+0.10 to +0.90)",
        }
    ]


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"there is no table\.parquet in it"):
        module.read(tmp_path)
