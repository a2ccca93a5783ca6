"""Untrained points where labels are wrong."""

import numpy as np
import pandas as pd
from made import table

from smallbatch.analysis.best import best_settings
from smallbatch.analysis.trained import judged

IMAGES = 1000
NOISY = {
    0.1: (0.24, 0.70, "untrained"),
    0.2: (0.26, 0.74, "untrained"),
    0.4: (0.19, 0.3, "untrained"),
}


def statuses(cells: dict, guess: float | None = 0.1) -> list[str]:
    frame = table(cells, seeds=2).assign(val_accuracy_guess=guess)
    found = judged(frame, IMAGES)
    return [str(group["status"].iloc[0]) for _, group in found.groupby("base_lr")]


def test_what_learns_as_much_as_the_best_is_trained_however_little_its_loss_falls():
    """Four of five labels are wrong, of validation images too: 0.28 is all that can be reached."""
    assert statuses(NOISY) == ["completed", "completed", "untrained"]
    best = best_settings(judged(table(NOISY).assign(val_accuracy_guess=0.1), IMAGES))
    assert best["base_lr"].tolist() == [0.2]


def test_what_has_hardly_begun_stays_untrained():
    slow = {0.1: (0.60, 0.58, "untrained"), 0.2: (0.98, 0.97)}
    assert statuses(slow) == ["untrained", "completed"]


def test_one_stuck_seed_among_good_ones_stays_untrained():
    frame = table({0.1: (0.98, 0.97)}, seeds=8).assign(val_accuracy_guess=0.1)
    frame.loc[3, ["status", "val_accuracy"]] = ["untrained", 0.1]
    assert judged(frame, IMAGES)["status"].eq("untrained").sum() == 1


def test_nothing_is_trained_where_the_best_is_no_better_than_a_guess():
    luck = {0.1: (0.12, 0.1, "untrained"), 0.2: (0.125, 0.1, "untrained")}
    assert statuses(luck) == ["untrained", "untrained"]


def test_a_rate_with_a_diverged_seed_sets_no_mark():
    cells = {0.1: (0.24, 0.70, "untrained"), 0.2: (0.9, 0.9, "diverged")}
    assert statuses(cells) == ["completed", "diverged"]


def test_points_of_earlier_versions_keep_their_status():
    assert statuses(NOISY, guess=None) == ["untrained"] * 3
    without = table(NOISY)
    pd.testing.assert_frame_equal(judged(without, IMAGES), without)
    assert np.isnan(best_settings(without)["base_lr"].astype(float)).all()
