"""The choice of η̃ on made-up tables."""

import numpy as np
import pandas as pd
import pytest
from made import measured, table
from scipy import stats

from smallbatch.analysis.best import best_settings, in_budgets, rates, t_interval, with_failed
from smallbatch.analysis.stable import largest_without_failure, limits_of_seeds, stable_ranges
from smallbatch.report.answer import answer, stable_limit


def test_the_choice_is_made_on_validation_and_read_on_test():
    best = best_settings(table({0.1: (0.8, 0.99), 0.2: (0.9, 0.7), 0.4: (0.85, 0.99)})).iloc[0]
    assert best["base_lr"] == 0.2 and best["lr"] == 1.6 and not best["edge"]
    assert best["test_accuracy"] == pytest.approx(0.71)
    low, high = stats.t.interval(0.95, 2, loc=0.71, scale=0.01 / np.sqrt(3))
    assert (best["ci_low"], best["ci_high"]) == pytest.approx((low, high))


def test_ties_go_to_the_lower_validation_loss_and_then_to_the_smaller_rate():
    tied = table({0.1: (0.8, 0.5), 0.2: (0.9, 0.5), 0.4: (0.9, 0.5)})
    assert best_settings(tied).iloc[0]["base_lr"] == 0.2
    tied.loc[tied["base_lr"] == 0.4, "val_loss"] = 0.01
    assert best_settings(tied).iloc[0]["base_lr"] == 0.4


@pytest.mark.parametrize("status", ["diverged", "untrained"])
def test_a_rate_with_a_failed_seed_cannot_be_best(status):
    frame = table({0.1: (0.7, 0.5), 0.2: (0.8, 0.5), 0.4: (0.9, 0.5)})
    frame.loc[(frame["base_lr"] == 0.4) & (frame["seed"] == 1), "status"] = status
    assert best_settings(frame).iloc[0]["base_lr"] == 0.2


def test_a_rate_with_missing_seeds_cannot_be_best():
    frame = table({0.1: (0.7, 0.5), 0.2: (0.9, 0.5)})
    frame = frame[~((frame["base_lr"] == 0.2) & (frame["seed"] == 1))]
    assert best_settings(frame).iloc[0]["base_lr"] == 0.1


def test_an_optimum_at_the_end_of_the_grid_is_an_edge():
    assert best_settings(table({0.1: (0.9, 0.5), 0.2: (0.8, 0.5)})).iloc[0]["edge"]
    assert best_settings(table({0.1: (0.9, 0.5)})).iloc[0]["edge"]


def test_where_nothing_trains_there_is_no_best_and_every_failure_counts():
    frame = table({0.1: (0.1, 0.1, "untrained"), 0.2: (0.1, 0.1, "diverged")})
    best = best_settings(frame)
    assert best["base_lr"].isna().all() and best.iloc[0]["edge"] and best.iloc[0]["seeds"] == 3
    assert with_failed(rates(frame), best)["failed"].tolist() == [3, 3]
    assert answer(measured(frame)) == [
        "No setting trained with every seed, so there is nothing to recommend yet."
    ]


def test_an_untrained_point_below_the_best_is_only_slow():
    frame = table({0.1: (0.2, 0.1, "untrained"), 0.2: (0.9, 0.5), 0.4: (0.2, 0.1, "untrained")})
    assert with_failed(rates(frame), best_settings(frame))["failed"].tolist() == [0, 0, 3]


def test_one_seed_has_no_interval():
    best = best_settings(table({0.1: (0.8, 0.5), 0.2: (0.9, 0.5), 0.4: (0.8, 0.5)}, seeds=1)).iloc[
        0
    ]
    assert np.isnan(best["ci_low"]) and best["seeds"] == 1


def test_the_t_interval_is_scipys():
    values = np.array([0.1, 0.5, 0.2, 0.7])
    expected = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert t_interval(values) == pytest.approx(expected)


def test_a_setting_stands_in_every_budget_with_as_many_updates():
    budgets = [
        {"budget": "epochs:1", "settings": [{"fleet": "a", "schedule": "step"}]},
        {
            "budget": "updates:10",
            "settings": [{"fleet": "a", "schedule": "step"}, {"fleet": "a", "schedule": "decay"}],
        },
    ]
    doubled = in_budgets(table({0.1: (0.8, 0.5)}).assign(fleet="a"), budgets)
    assert doubled["budget"].tolist() == ["epochs:1"] * 3 + ["updates:10"] * 6
    assert doubled["schedule"].tolist() == ["step"] * 6 + ["decay"] * 3
    assert doubled["point"].nunique() == 3


def test_the_answer_names_budget_interval_and_edge():
    small = table({0.1: (0.8, 0.5), 0.2: (0.95, 0.9), 0.4: (0.8, 0.5)}, m=8, seeds=5)
    large = table({0.1: (0.8, 0.5), 0.2: (0.9, 0.6)}, m=64, seeds=5)
    frame = pd.concat([small, large], ignore_index=True)
    text = " ".join(answer(measured(frame)))
    assert (
        "At 1 epoch the best setting was m = 8 with no norm at η̃ = 0.2 (η = 1.6): test accuracy 92.0%"
        in text
    )
    assert "over 5 seeds, these test images only" in text
    assert (
        "small batches (m ≤ 32) reached more: 92.0% at m = 8 against 62.0% at m = 64, +30.0 points (95%"
        in text
    )
    # the best has worse neighbours; that of m = 64 has not
    assert "may find a better one" not in text
    two = pd.concat([large, table({0.1: (0.8, 0.5)}, m=128, seeds=5)], ignore_index=True)
    assert "Its η̃ lies at the edge of those tried" in answer(measured(two))[0]


def test_an_interval_around_zero_is_told_as_no_difference_and_few_seeds_tell_nothing():
    same = {0.1: (0.8, 0.5), 0.2: (0.95, 0.9), 0.4: (0.8, 0.5)}
    for seeds, told in (
        (5, "no difference could be told"),
        (3, "3 seeds are too few to tell a difference"),
    ):
        noisy = pd.concat(
            [table(same, m=8, seeds=seeds), table(same, m=64, seeds=seeds)], ignore_index=True
        )
        noisy.loc[(noisy["batch_size"] == 8) & (noisy["seed"] == 0), "test_accuracy"] += 0.05
        assert told in " ".join(answer(measured(noisy)))


def test_the_stable_limit_is_reached_upwards_from_the_best_without_a_gap():
    """Half way from 0.2 to 0.4 in octaves; 0.8 trains, but behind a gap."""
    frame = table({0.1: (0.8, 0.5), 0.2: (0.95, 0.9), 0.4: (0.1, 0.1, "diverged"), 0.8: (0.8, 0.5)})
    (_, setting), *_ = best_settings(frame).iterrows()
    assert stable_limit(frame, setting) == "2^−1.8"
    assert stable_limit(frame[frame["base_lr"] < 0.4], setting) == "at least 2^−2.3"
    some = frame.copy()
    some.loc[(some["base_lr"] == 0.4) & (some["seed"] == 0), "status"] = "completed"
    # one seed of three fails at none of them
    assert stable_limit(some, setting) == "at least 2^−1.3 (2^−1.8 to 2^−0.3)"
    ranges = stable_ranges(frame, best_settings(frame)).iloc[0]
    assert ranges["high"] == pytest.approx(np.sqrt(0.2 * 0.4)) and not ranges["high_censored"]


@pytest.mark.parametrize("step", [1.0, 0.25])
def test_the_largest_rate_that_trains_is_not_biased_by_the_steps_of_the_grid(step):
    truth = np.random.default_rng(0).uniform(-4, -2, 300)
    grid = np.arange(-6, 0.1, step)
    points = pd.DataFrame(
        [
            {
                "seed": seed,
                "base_lr": 2.0**rate,
                "status": "completed" if rate <= top else "diverged",
            }
            for seed, top in enumerate(truth)
            for rate in grid
        ]
    )
    limits, cut, width = limits_of_seeds(points, 2.0**-6)
    assert not cut and width == step
    assert (limits - truth).mean() == pytest.approx(0, abs=4 * step / np.sqrt(12 * 300))


@pytest.mark.parametrize(
    ("failed", "best", "largest"),
    [
        ([True, False, False, False], 0.2, 3),
        ([False, False, True, False], 0.1, 1),
        ([False, False, False, True], 0.2, 2),
        ([False, False, True, True], 0.4, None),
        ([False, False, False, False], np.nan, None),
    ],
)
def test_the_largest_rate_without_a_failure_is_reached_upwards_from_the_best(failed, best, largest):
    rates = np.array([0.1, 0.2, 0.4, 0.8])
    assert largest_without_failure(rates, np.array(failed), best) == largest


def test_schedules_are_compared_with_the_first_of_the_study_paired_by_seed():
    cells = {0.1: (0.8, 0.6), 0.2: (0.9, 0.7), 0.4: (0.8, 0.6)}
    decay = table(cells, seeds=6, schedule="decay").assign(updates=100)
    grows = table(cells, seeds=6, schedule="increase").assign(updates=40)
    lower = {0.1: (0.8, 0.6), 0.2: (0.9, 0.5), 0.4: (0.8, 0.4)}
    worse = table(lower, seeds=6, schedule="ba").assign(updates=50, train_loss=0.5)
    frame = pd.concat([decay, grows, worse], ignore_index=True)
    text = " ".join(answer(measured(frame)))
    assert (
        "Against decay (m = 8) with 72.5%" in text and "after 100 updates, training loss 1" in text
    )
    assert (
        "increase (m = 8) 72.5% after 40 updates, training loss 1: 0.0 points (95% interval −1.8 to +1.8), no"
        in text
    )
    assert (
        "ba (m = 8) 52.5% after 50 updates, training loss 0.5: −20.0 points (95% interval −2"
        in text
    )
    assert text.endswith("less.")
