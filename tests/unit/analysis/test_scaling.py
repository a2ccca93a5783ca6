"""The exponent of the best learning rate over batch size, on made-up accuracies whose optimum is
known."""

import numpy as np
import pandas as pd
import pytest

from smallbatch.analysis.best import best_settings
from smallbatch.analysis.rate_curve import at, course, saturation
from smallbatch.analysis.scaling import exponents, fit, top

SIZES = np.arange(1.0, 9)


def accuracies(rng, p, seeds=10, noise=0.003, constant=-4.0, bend=8):
    """For each m rates in octaves around its optimum 2^constant·m^p, with noise over seeds and one
    common to all."""
    settings = []
    for size in SIZES:
        best = constant + p * min(size, bend) + rng.normal(0, 0.1)
        rates = np.arange(np.floor(best) - 3, np.floor(best) + 5)
        curve = 0.95 - 0.01 * (rates - best) ** 2
        settings.append((rates, curve[:, None] + rng.normal(0, noise, (len(rates), seeds))))
    return settings


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_the_interval_holds_the_true_exponent_about_as_often_as_it_says(p, monkeypatch):
    monkeypatch.setattr("smallbatch.analysis.scaling.RESAMPLES", 100)
    rng, inside, slopes = np.random.default_rng(0), 0, []
    for _ in range(50):
        found = fit(SIZES, accuracies(rng, p))
        inside += found["ci_low"] <= p <= found["ci_high"]
        slopes.append(found["p"])
    assert inside >= 0.92 * 50
    assert np.mean(slopes) == pytest.approx(p, abs=0.02)


@pytest.mark.parametrize(("p", "bend", "most"), [(0.5, 8, 0.08), (1.0, 8, 0.08), (1.0, 4, 1.0)])
def test_a_power_law_is_kept_where_it_is_true_and_given_up_where_the_curve_bends(
    p, bend, most, monkeypatch
):
    monkeypatch.setattr("smallbatch.analysis.scaling.RESAMPLES", 50)
    rng = np.random.default_rng(0)
    found = [fit(SIZES, accuracies(rng, p, bend=bend)) for _ in range(40)]
    bent = np.mean([one["lack_of_fit"] < 0.05 for one in found])
    assert (0.95 if bend == 4 else 0.0) <= bent <= most
    assert all(one["shape"] != "power" for one in found if one["lack_of_fit"] < 0.05)


def test_the_curve_is_the_one_that_predicts_left_out_sizes():
    power = course(SIZES, -4 + 0.7 * SIZES, lack=0.9)
    assert power.shape == "power" and power.error == pytest.approx(0, abs=1e-9)
    assert course(SIZES, -4 + 0.7 * SIZES, lack=0.001).shape != "power"
    rises = -1 - np.log2(1 + 2 ** (3.4 - SIZES))  # η∞ = 1/2, m_c = 2^3.4
    found = course(SIZES, rises, lack=0.001)
    assert found.shape == "saturating" and saturation(SIZES, rises) == pytest.approx(
        (-1, 3.4), abs=0.02
    )
    assert at(found, 2.5) == pytest.approx(-1 - np.log2(1 + 2**0.9), abs=0.02)
    assert at(found, 0.5) is None and at(found, 8.5) is None
    zigzag = np.array([0, 1, 2, 0, -2, -1, 0, 1.0])
    assert course(SIZES, zigzag, lack=0.001).shape == "neighbours"


def test_a_constant_rate_and_a_linear_one_are_told_apart():
    found = fit(SIZES, accuracies(np.random.default_rng(1), 1.0))
    assert found["ci_low"] > 0.5 and found["log2_c"] == pytest.approx(-4, abs=0.6)


def test_the_top_of_a_parabola_is_found_between_the_rates_and_a_flat_or_bent_one_stays_on_the_grid():
    rates = np.arange(-6.0, 0)
    assert top(rates, -((rates + 3.3) ** 2)) == pytest.approx(-3.3)
    uneven = np.array([-6.0, -4, -3, -1])
    assert top(uneven, -((uneven + 3.2) ** 2)) == pytest.approx(-3.2)
    assert top(rates, np.array([1.0, 0, 0, 0, 0, 0])) == -6.0
    assert top(rates, np.zeros(6)) == -6.0


def table(sizes, p, edge=()):
    rows = []
    for m in sizes:
        for k in range(-8, 1):
            lr = 2.0**k * m**p
            accuracy = 0.9 - 0.01 * abs(k + (8 if m in edge else 4)) ** 1.5
            for seed in range(3):
                rows.append(
                    {
                        "batch_size": m,
                        "norm": "none",
                        "bn_batch_size": pd.NA,
                        "schedule": "step",
                        "budget": "epochs:1",
                        "base_lr": lr / m,
                        "lr": lr,
                        "seed": seed,
                        "status": "completed",
                        "train_loss": 1.0,
                        "val_accuracy": accuracy + 0.001 * seed,
                        "val_loss": 1.0,
                        "test_accuracy": 0.9,
                    }
                )
    return pd.DataFrame(rows).astype({"bn_batch_size": "Int64"})


def test_settings_on_the_edge_of_their_grid_are_left_out_and_counted():
    made = table([2, 4, 8, 16, 32], 0.5, edge=(2,))
    found = exponents(made, best_settings(made)).iloc[0]
    assert found["p"] == pytest.approx(0.5, abs=1e-6)
    assert (found["sizes"], found["smallest"], found["left_out"]) == (4, 4, 1)


def test_rates_that_a_partial_report_lacks_for_some_seeds_are_left_out():
    made = table([2, 4, 8, 16], 0.5)
    partial = made[
        ~((made["batch_size"] == 4) & (made["seed"] == 1) & (made["lr"] == made["lr"].max()))
    ]
    partial = partial[
        ~((partial["batch_size"] == 4) & (partial["seed"] == 0) & (partial["lr"] < 2.0**-6))
    ]
    assert exponents(partial, best_settings(made)).iloc[0]["p"] == pytest.approx(0.5, abs=1e-6)


def test_two_batch_sizes_give_no_exponent():
    made = table([2, 4], 0.5)
    assert exponents(made, best_settings(made)).empty
