"""Advice on made-up studies whose best settings, times and rates are known, and the words made of
it."""

import numpy as np
import pandas as pd
import pytest
from made import claim, measured, table
from test_claims import DEAD, GOOD, made

from smallbatch.analysis.advice import best_of_budgets, in_time, time_front, wrong_rates
from smallbatch.analysis.phrases import seconds_text
from smallbatch.analysis.rate_advice import rates_for, worst
from smallbatch.analysis.rate_curve import at
from smallbatch.report.summary import summary
from smallbatch.report.tables import best_table, rates_table

CONFIG = {
    "dataset": {"name": "bars", "sizes": {"validation": 1000}},
    "model": {"name": "mynet"},
    "optimizer": {"name": "sgd"},
}


def level(accuracy: float, *, validation: float | None = None) -> dict:
    validation = accuracy if validation is None else validation
    return {
        0.1: (validation - 0.1, accuracy - 0.1),
        0.2: (validation, accuracy),
        0.4: (validation - 0.1, accuracy - 0.1),
    }


def test_the_best_is_chosen_on_validation_for_each_budget_and_norm():
    frame = pd.concat(
        [
            made(level(0.80, validation=0.9), 8, noise=0.002),
            made(level(0.85, validation=0.8), 64, noise=0.002),
            made(level(0.7), 8, norm="bn", b=8, noise=0.002),
            made(level(0.75), 64, budget="updates:9", noise=0.002),
        ]
    )
    found = {
        (one["budget"], one["norm"]): one for one in best_of_budgets(measured(frame, images=2000))
    }
    assert list(found) == [
        ("epochs:1", "any"),
        ("epochs:1", "none"),
        ("epochs:1", "bn"),
        ("updates:9", "none"),
    ]
    # although m = 64 is better on test images
    assert found["epochs:1", "any"]["setting"]["batch_size"] == 8
    assert found["epochs:1", "any"]["accuracy"].estimate == pytest.approx(80, abs=0.5)


def test_batch_sizes_that_cannot_be_distinguished_from_the_best_are_named():
    near = [
        made(level(a, validation=v), m, noise=0.01)
        for m, a, v in ((2, 0.85, 0.851), (8, 0.85, 0.86), (32, 0.848, 0.85), (64, 0.7, 0.7))
    ]
    data = measured(pd.concat(near), images=2000)
    found = best_of_budgets(data)[0]
    assert found["setting"]["batch_size"] == 8 and found["near"] == [2, 8, 32]
    said = (
        "Of the m tried (2 to 64), each at its best, 2, 8 and 32 cannot be distinguished from the "
        "best (with 95% confidence)."
    )
    assert said in summary(data, CONFIG, [])[0]
    assert best_table(data)["m not distinguished from the best"].tolist() == ["2, 8, 32"]
    few = best_of_budgets(measured(pd.concat([made(GOOD, 8, seeds=2), made(GOOD, 16, seeds=2)])))[0]
    assert few["near"] is None  # two seeds say nothing of it


def test_the_best_on_test_images_is_named_although_validation_chose_another():
    near = [
        made(level(a, validation=v), m, noise=0.002) for m, a, v in ((8, 0.8, 0.9), (64, 0.85, 0.8))
    ]
    found = best_of_budgets(measured(pd.concat(near), images=2000))[0]
    assert found["setting"]["batch_size"] == 8 and found["near"] == [64]


def test_the_front_of_time_has_those_that_no_faster_one_beats():
    rows = [(2, 4.0, 0.9), (8, 2.0, 0.9), (32, 1.0, 0.7), (64, 0.5, 0.8)]
    frame = pd.concat([made(level(a), m).assign(seconds_alone=s) for m, s, a in rows])
    front = time_front(measured(frame))
    assert front[front["front"]]["batch_size"].tolist() == [64, 8]
    assert (
        in_time(front, 1.5)["batch_size"] == 64
        and in_time(front, 2.0)["batch_size"] == 8
        and in_time(front, 0.1) is None
    )
    unknown = measured(frame.assign(seconds_alone=np.nan))
    assert time_front(unknown).empty and summary(unknown, CONFIG, [])


def test_the_front_of_time_does_not_step_for_a_difference_that_may_be_chance():
    """A slower setting is a tenth of an image better on validation images and no better on test
    images; another is five points better on both."""
    rows = [(64, 0.5, 0.80, 0.80), (8, 1.0, 0.801, 0.80), (2, 2.0, 0.85, 0.85)]
    frame = pd.concat(
        [
            made(level(test, validation=v), m, noise=0.01).assign(seconds_alone=s)
            for m, s, v, test in rows
        ]
    )
    front = time_front(measured(frame, images=2000))
    assert front[front["front"]]["batch_size"].tolist() == [64, 2]
    few = time_front(measured(frame[frame["seed"] < 3], images=2000))
    assert few[few["front"]]["batch_size"].tolist() == [64]  # three seeds say nothing


def test_a_wrong_rate_costs_what_the_table_says_and_failed_seeds_are_counted():
    cells = {
        0.05: (0.6, 0.5),
        0.1: (0.8, 0.7),
        0.2: (0.9, 0.8),
        0.4: (0.1, 0.1, "diverged"),
        0.5: (0.8, 0.7),
    }
    lost = wrong_rates(measured(table(cells, m=8))).set_index("shift")
    assert lost["lost"].to_dict() == pytest.approx({-2: 30, -1: 10, 1: 70})  # 0.5 is no octave away
    near = wrong_rates(measured(table({0.1: (0.8, 0.7), 0.105: (0.8, 0.6), 0.2: (0.9, 0.8)}, m=8)))
    # the nearest to an octave
    assert near["shift"].tolist() == [-1] and near["lost"].iloc[0] == pytest.approx(10)
    assert lost.loc[1, "failed"] == 3 and lost.loc[-1, "failed"] == 0


def bent(m: int) -> dict:
    """Rates in octaves, the best η in proportion to m up to 16 and constant above; an octave beside
    it costs 4 points."""
    top = min(np.log2(m), 4) - 6 - np.log2(m)
    return {2.0 ** (top + k): (0.9 - 0.04 * abs(k), 0.9 - 0.04 * abs(k)) for k in range(-2, 3)}


def test_a_recommended_rate_has_its_regret_and_none_is_recommended_beyond_the_grid():
    sizes = [2, 4, 8, 16, 32, 64, 128]
    frame = pd.concat([made(bent(m), m, noise=0.001) for m in sizes])
    fits, rows = rates_for(measured(frame, images=2000))
    assert fits["shape"].tolist() == ["neighbours"] and fits["lack_of_fit"].iloc[0] < 0.05
    assert fits[["p", "ci_low", "ci_high"]].isna().all(axis=None)
    assert rows["batch_size"].tolist() == sizes  # none at 1 and 256
    rates = dict(zip(rows["batch_size"], rows["lr"], strict=True))
    assert rates[4] == pytest.approx(2.0**-4, rel=0.05) and rates[128] == pytest.approx(
        2.0**-2, rel=0.05
    )
    regrets = {row.batch_size: row.regret for row in rows.itertuples()}
    assert regrets[2] is None and regrets[128] is None
    assert regrets[8].estimate == 0 and regrets[8].interval(0.95) == (0.0, 0.0)
    assert at(fits.iloc[0]["course"], 8) is None  # m = 256


def test_the_regret_of_a_wrong_recommendation_is_what_it_costs():
    """At m = 16 the best rate is three octaves above its neighbours'."""
    cells = {
        m: {
            2.0**k / m: (0.9 - 0.02 * abs(k - top), 0.9 - 0.02 * abs(k - top)) for k in range(-8, 1)
        }
        for m, top in ((2, -5), (4, -5), (8, -5), (16, -2), (32, -5), (64, -5))
    }
    data = measured(pd.concat([made(one, m, noise=0.001) for m, one in cells.items()]), images=2000)
    _, rows = rates_for(data)
    found = worst(rows)
    assert found["batch_size"] == 16 and found["regret"].estimate == pytest.approx(6, abs=0.5)
    assert "would have cost +6.0 points" in rates_table(data).iloc[3, 1]


def test_the_summary_says_what_to_use_and_counts_the_claims():
    frame = pd.concat(
        [made(GOOD, 8, noise=0.002), made(level(0.7), 64, noise=0.002).assign(seconds_alone=0.01)]
    )
    claims = [claim(verdict="supported"), claim()]
    text = " ".join(summary(measured(frame, images=2000), CONFIG, claims))
    assert (
        "On bars with the network mynet and sgd, at 1 epoch m = 8 with no norm at η̃ = 0.2 (η = 1.6) was best"
        in text
    )
    assert (
        "of the 2,000 test images right (95% interval" in text
        and "Of the m tried (8 to 64), each at its best, all but 8 are worse (with 95% confidence)."
        in text
    )
    assert (
        "a faster one is m = 8 (no norm, 1 epoch, 0.1 s): 85" in text
        and "in half of that time it is m = 64 (no norm, 1 epoch, 0.01 s): 70" in text
    )
    assert (
        "Of the study's 2 claims: 1 supported, 0 too small to matter, 0 contradicted, 1 undecided."
        in text
    )


def test_the_summary_of_a_study_in_which_nothing_trained_says_so():
    assert summary(measured(made(DEAD, 8)), CONFIG, []) == [
        "No setting trained with every seed, so there is nothing to recommend yet."
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.034, "0.034 s"), (12.4, "12 s"), (91, "1.5 min"), (600, "10 min"), (7200, "2 h")],
)
def test_times_are_written_shortly(seconds, text):
    assert seconds_text(seconds) == text
