"""Two-way intervals: the formulas against statsmodels and scipy, their coverage on real correctness
of trained networks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import real
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from smallbatch.analysis.effect import paired, percentile_bootstrap, two_way

PAIRS = [("m8_none", "m64_none"), ("m8_bn", "m64_bn"), ("m64_bn", "m128_bn"), ("m8_bn", "m8_none")]


def draws(one: np.ndarray, two: np.ndarray, seeds: int, images: int, number: int, rng):
    """Differences in points for drawn seeds and images, as if the stored ones were all there
    are."""
    difference = 100.0 * (one.astype(float) - two)
    for _ in range(number):
        rows, columns = rng.integers(0, len(one), seeds), rng.integers(0, one.shape[1], images)
        yield difference[np.ix_(rows, columns)]


@pytest.mark.parametrize("shape", [(4, 30), (10, 12)])
def test_variance_and_degrees_of_freedom_are_those_of_the_analysis_of_variance(shape):
    rng = np.random.default_rng(0)
    d = rng.normal(0, 1, shape) + rng.normal(0, 1, (shape[0], 1)) + rng.normal(0, 1, (1, shape[1]))
    rows = pd.DataFrame(
        [{"s": s, "e": e, "d": d[s, e]} for s in range(shape[0]) for e in range(shape[1])]
    )
    anova = anova_lm(ols("d ~ C(s) + C(e)", rows).fit())
    seed, example, residual = anova["mean_sq"]
    effect, both = two_way(d), seed + example - residual
    assert effect.variance == pytest.approx(both / d.size, rel=1e-9)
    terms = [mean**2 / df for mean, df in zip((seed, example, residual), anova["df"], strict=True)]
    assert effect.df == pytest.approx(both**2 / sum(terms), rel=1e-9)
    low, high = stats.t.interval(0.9, effect.df, d.mean(), np.sqrt(both / d.size))
    assert effect.interval(0.9) == pytest.approx((low, high), rel=1e-9)
    assert effect.p_above(0.1) == pytest.approx(
        stats.t.sf((d.mean() - 0.1) / effect.error, effect.df), rel=1e-9
    )
    assert effect.p_below(0.1) == pytest.approx(1 - effect.p_above(0.1), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.integers(2, 40), st.integers(0, 2**31))
def test_variance_is_never_below_that_over_seeds_or_over_images_alone(seeds, images, seed):
    d = np.random.default_rng(seed).integers(-1, 2, (seeds, images)).astype(float)
    effect = two_way(d)
    for means in (d.mean(0), d.mean(1)):
        assert effect.variance >= np.var(means, ddof=1) / len(means) - 1e-12
    assert effect.estimate == pytest.approx(d.mean())


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_an_interval_of_95_percent_covers_new_seeds_and_new_images(one, two, seeds):
    truth = 100 * (real(one).mean() - real(two).mean())
    rng, inside, alone, number = np.random.default_rng(0), 0, 0, 800
    for d in draws(real(one), real(two), seeds, 200, number, rng):
        low, high = two_way(d).interval(0.95)
        inside += low <= truth <= high
        low, high = paired(d.mean(1)).interval(0.95)
        alone += low <= truth <= high
    assert 0.92 <= inside / number <= 0.99
    assert alone < inside  # over seeds alone it does not


@pytest.mark.parametrize("seeds", [5, 10])
def test_where_there_is_no_difference_it_is_told_no_more_often_than_the_level_says(seeds):
    right, rng, told, number = real("m64_none"), np.random.default_rng(1), 0, 1000
    for _ in range(number):
        columns = rng.integers(0, 517, 300)
        one, two = (right[rng.integers(0, 60, seeds)][:, columns].astype(float) for _ in range(2))
        low, high = two_way(100 * (one - two)).interval(0.95)
        told += low > 0 or high < 0
    assert told / number <= 0.06


def test_a_known_effect_is_found():
    right, rng, told, number = real("m8_none"), np.random.default_rng(2), 0, 300
    for _ in range(number):
        rows, columns = rng.integers(0, 60, 10), rng.integers(0, 517, 517)
        better, worse = right[rows][:, columns], right[rng.integers(0, 60, 10)][:, columns].copy()
        worse &= rng.random(worse.shape) > 0.02  # two points fewer
        told += two_way(100.0 * (better.astype(float) - worse)).interval(0.95)[0] > 0
    assert told / number > 0.9


def test_the_bootstrap_over_seeds_and_images_is_about_as_wide():
    d = next(draws(real("m8_none"), real("m64_none"), 10, 517, 1, np.random.default_rng(3)))
    low, high = two_way(d).interval(0.95)
    other = percentile_bootstrap(d)
    assert 0.75 < (other[1] - other[0]) / (high - low) < 1.35
    assert other[0] < d.mean() < other[1]


def test_the_variance_falls_with_seeds_to_the_floor_of_the_images():
    d = 100.0 * (real("m8_none").astype(float) - real("m64_none"))
    whole, part = two_way(d), two_way(d[:10])
    assert part.variance == pytest.approx(part.by_seeds / 10 + part.floor, rel=0.05)
    assert whole.variance == pytest.approx(part.by_seeds / 60 + part.floor, rel=0.25)
    assert whole.floor > whole.by_seeds / 60  # here the images are what is uncertain


def test_where_no_prediction_differs_the_limit_is_that_of_none_of_n():
    effect = two_way(np.zeros((5, 517)))
    low, high = effect.interval(0.90)
    exact = stats.binomtest(0, 517).proportion_ci(0.90, "exact").high
    assert (low, high) == pytest.approx((-100 * exact, 100 * exact))
    low, high = two_way(np.full((5, 517), 100.0)).interval(0.90)  # an accuracy of 100% too
    assert low == pytest.approx(100 - 100 * exact) and high > 100
    assert effect.p_above(-0.5) == pytest.approx(0.995**517) and effect.p_above(0.0) == 1.0


def test_seeds_that_do_not_meet_give_no_effect():
    assert not two_way(np.zeros((0, 20))).known and not paired(np.zeros(0)).known


def test_one_seed_has_no_variance():
    assert np.isnan(two_way(np.ones((1, 20))).variance) and np.isnan(paired(np.ones(1)).variance)
