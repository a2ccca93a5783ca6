"""The rules that choose the batch size, against brute force, Monte Carlo and closed forms in double
precision."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from smallbatch.schedules.adaptive import (
    Average,
    Moments,
    averaged,
    best_batch,
    expected_loss,
    wanted,
)

positive = st.floats(1e-3, 1e3)


@pytest.mark.parametrize(("mean", "spread"), [(2.0, 0.1), (0.5, 1.0), (0.05, 2.0), (-0.3, 0.7)])
def test_the_expected_loss_is_that_of_a_normal_reflected_at_zero(mean, spread):
    """Against a million draws, and against scipy's folded normal."""
    m, s = 16, 3.0
    found = expected_loss(m, s, s - mean, spread * math.sqrt(m))
    draws = np.abs(np.random.default_rng(0).normal(mean, spread, 1_000_000))
    assert found == pytest.approx(draws.mean(), abs=4 * draws.std() / 1000)
    assert found == pytest.approx(stats.foldnorm.mean(abs(mean) / spread, scale=spread), rel=1e-12)


@given(positive, st.floats(0.001, 1.99), positive)
def test_the_best_batch_has_the_largest_decrease_per_example(s, q, deviation):
    """Against scipy's maximum over log m of the utility itself, (s - E_m)/m."""
    drift = q * s

    def utility(log_m):
        return (s - expected_loss(math.exp(log_m), s, drift, deviation)) / math.exp(log_m)

    best = best_batch(s, drift, deviation)
    grid = np.linspace(math.log(best) - 8, math.log(best) + 8, 321)
    start = grid[np.argmax([utility(x) for x in grid])]
    found = optimize.minimize_scalar(
        lambda x: -utility(x), bounds=(start - 0.1, start + 0.1), method="bounded"
    )
    assert utility(math.log(best)) >= -found.fun * (1 - 1e-9)
    assert utility(math.log(best)) > 0


@pytest.mark.parametrize(("q", "a"), [(0.01, 2.45), (0.1, 1.55), (0.5, 0.64)])
def test_the_best_batch_depends_on_the_share_of_the_loss_that_a_step_takes(q, a):
    """m* = (a*(q)·ησ/(s - ημ))², a* as published with the design."""
    assert math.sqrt(best_batch(1.0, q, 1.0)) * (1 - q) == pytest.approx(a, abs=0.005)


@pytest.mark.parametrize("drift", [-0.1, 0.0, 2.0, 5.0, math.nan])
def test_where_no_batch_lowers_the_loss_it_is_as_large_as_may_be(drift):
    assert best_batch(1.0, drift, 0.5) == math.inf
    if math.isfinite(drift):
        assert all(expected_loss(m, 1.0, drift, 0.5) >= 1.0 for m in (1, 10, 1000, 100_000))


def test_the_best_batch_is_continuous_where_a_step_takes_the_whole_loss():
    sizes = [best_batch(1.0, q, 0.5) for q in (1 - 1e-5, 1 - 1e-7, 1.0, 1 + 1e-7, 1 + 1e-5)]
    assert sizes == pytest.approx([(3 * 0.5) ** 2 / (2 * math.pi)] * 5, rel=1e-3)


def test_without_noise_one_example_is_enough():
    assert best_batch(1.0, 0.5, 0.0) == 1.0


def seen(m=32, loss=0.5, f2=0.2, trace=8.0):
    return Moments(m, loss, f2, f2, trace, 1.0)


def test_cabs_takes_the_rate_times_variance_over_loss_of_the_updates_before():
    schedule = {"name": "cabs", "smoothing": 0.9}
    assert wanted(schedule, seen(), Average(), 0.1) == 0.0  # the first update is one block
    average = averaged(schedule, seen(), Average())
    assert wanted(schedule, seen(loss=99), average, 0.1) == pytest.approx(0.1 * 8.0 / 0.5)
    average = averaged(schedule, seen(trace=16.0), average)
    expected = (0.9 * 8.0 + 16.0) / (0.9 * 0.5 + 0.5)  # averages whose start is corrected for
    assert wanted(schedule, seen(), average, 0.1) == pytest.approx(0.1 * expected)


def test_gradient_noise_takes_the_noise_scale_with_the_bias_of_the_squared_gradient_removed():
    schedule = {"name": "gradient-noise", "scale": 2.0}
    average = averaged(schedule, seen(m=32, f2=1.0, trace=8.0), Average())
    assert wanted(schedule, seen(), average, 0.1) == pytest.approx(2 * 8.0 / (1.0 - 8.0 / 32))
    lost = averaged(schedule, seen(m=32, f2=0.2, trace=8.0), Average())  # nothing but noise
    assert wanted(schedule, seen(), lost, 0.1) == math.inf


def test_no_smoothing_keeps_nothing_of_the_past():
    schedule = {"name": "cabs", "smoothing": 0.0}
    average = averaged(schedule, seen(trace=2.0), averaged(schedule, seen(trace=8.0), Average()))
    assert average == Average(2.0, 0.5, 1.0)
