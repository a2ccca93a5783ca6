"""What the page says of the data."""

import json

import pandas as pd
from made import table
from test_page import results_of, study_of

from smallbatch.report.build import build_page
from smallbatch.report.data import data_rows, guess_sentence

ABOUT = {
    "counts": {"train": [90, 10], "validation": [9, 1], "test": [18, 2]},
    "notes": ["constant images in train: 1, the first is image 2"],
}


def test_what_a_guess_gets_stands_beside_the_accuracies_and_odd_data_in_the_settings(tmp_path):
    study = study_of()
    folder = tmp_path / study["study"]
    folder.mkdir()
    (tmp_path / "data" / study["data"]).mkdir(parents=True)
    (tmp_path / "data" / study["data"] / "about.json").write_text(json.dumps(ABOUT))
    points = table({0.1: (0.95, 0.94), 0.2: (0.96, 0.95)})
    points = points.assign(val_accuracy_guess=0.9, test_accuracy_guess=0.9)
    page = build_page(results_of(folder, points, study))
    assert "gets 90.00% of the validation images right and 90.00% of the test images." in page
    assert "100 images of 2 classes; the rarest class has 10, the most frequent 90 (90.0%)" in page
    assert "constant images in train: 1, the first is image 2" in page


def test_results_of_earlier_versions_say_nothing_of_a_guess(tmp_path):
    points = table({0.1: (0.95, 0.94)})
    assert guess_sentence(points) is None
    nothing = points.assign(val_accuracy_guess=None, test_accuracy_guess=None)
    assert guess_sentence(pd.DataFrame(nothing)) is None
    study = study_of()
    path = tmp_path / "data" / study["data"] / "about.json"
    assert data_rows(tmp_path / "study", study) == []
    path.parent.mkdir(parents=True)
    path.write_text('{"sizes": {}}')
    assert data_rows(tmp_path / "study", study) == []
