"""Verdicts from effects: the rule of each kind of claim, Holm, interim looks, and what would
decide."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from smallbatch.analysis.claims.deciding import decided_by, needed
from smallbatch.analysis.claims.verdict import (
    Evidence,
    decide,
    directional,
    equivalent,
    multipliers,
    not_inferior,
)
from smallbatch.analysis.effect import Effect, two_way


def effect(estimate: float, error: float, seeds: int = 10, df: float = math.inf, **parts) -> Effect:
    return Effect(
        estimate, error**2, df, seeds, **({"by_seeds": seeds * error**2, "floor": 0.0} | parts)
    )


def verdict(rule, *effects: Effect, **more) -> str:
    names = [str(i) for i in range(len(effects))]
    return decide([Evidence(rule, "points", "", list(effects), names, **more)], planned=10)[
        0
    ].verdict


@pytest.mark.parametrize(
    ("estimate", "error", "expected"),
    [
        (2.0, 0.5, "supported"),
        (0.6, 0.1, "supported"),
        (0.4, 0.01, "contradicted"),  # above zero, and not worth having
        (0.4, 0.1, "undecided"),  # 0.2 to 0.6
        (2.0, 1.5, "undecided"),
        (-1.0, 0.3, "contradicted"),
        (-1.0, 2.0, "undecided"),
    ],
)
def test_a_direction_needs_an_interval_above_zero_and_an_effect_worth_having(
    estimate, error, expected
):
    assert verdict(directional(0.5), effect(estimate, error)) == expected


@pytest.mark.parametrize(
    ("estimate", "error", "expected"),
    [
        (0.0, 0.1, "supported"),
        (0.3, 0.2, "undecided"),
        (1.0, 0.1, "contradicted"),
        (-1.0, 0.1, "contradicted"),
        (0.0, 0.0, "supported"),
    ],
)
def test_equivalence_needs_an_interval_within_the_margin(estimate, error, expected):
    assert verdict(equivalent(0.5), effect(estimate, error)) == expected


@pytest.mark.parametrize(
    ("estimate", "expected"), [(-0.1, "supported"), (-0.5, "undecided"), (-1.0, "contradicted")]
)
def test_not_being_inferior_needs_an_interval_above_minus_the_margin(estimate, expected):
    assert verdict(not_inferior(0.5), effect(estimate, 0.15)) == expected


def test_equivalence_is_two_one_sided_tests():
    one = effect(0.2, 0.18)  # its 95% interval leaves the margin, its 90% interval does not
    assert one.interval(0.95)[1] > 0.5 > one.interval(0.90)[1]
    made = decide([Evidence(equivalent(0.5), "points", "", [one], ["x"])], 10)[0]
    assert made.verdict == "supported" and made.level == pytest.approx(0.9)
    assert made.p_value == pytest.approx(one.p_below(0.5))


def test_a_claim_must_hold_against_every_rival_and_falls_by_one():
    good, bad = effect(2.0, 0.3), effect(-2.0, 0.3)
    assert verdict(directional(0.5), good, good) == "supported"
    assert verdict(directional(0.5), good, effect(2.0, 1.5)) == "undecided"
    assert verdict(directional(0.5), good, bad) == "contradicted"
    border = effect(-0.6, 0.52)  # told alone, not as one of three
    assert verdict(directional(0.5), border) == "contradicted"
    assert verdict(directional(0.5), border, good, good) == "undecided"
    assert verdict(directional(0.5), good, good, border, last_decides=True) == "contradicted"


@settings(max_examples=25, deadline=None)  # statsmodels collects garbage at every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_multiplied_p_values_are_told_just_where_holm_tells_them(ps):
    # else rounding decides
    assume(all(abs(p * times - 0.05) > 1e-12 for p in ps for times in range(1, len(ps) + 1)))
    told = multipletests(ps, 0.05, method="holm")[0]
    assert [p * times <= 0.05 for p, times in zip(ps, multipliers(ps), strict=True)] == list(told)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=8), st.integers(0, 2**31))
def test_verdict_and_interval_say_the_same(estimates, seed):
    errors = np.random.default_rng(seed).uniform(0.05, 1, len(estimates))
    claims = [
        Evidence(directional(0.5), "points", "", [effect(*one)], ["x"])
        for one in zip(estimates, errors, strict=True)
    ]
    for one, made in zip(claims, decide(claims, 10), strict=True):
        low, high = made.effect.interval(made.level)
        expected = (
            "contradicted"
            if high < 0.5
            else "supported"
            if low > 0 and one.effects[0].estimate >= 0.5
            else "undecided"
        )
        near = min(abs(high - 0.5), abs(low)) < 1e-9
        assert made.verdict == expected or near


def test_several_claims_make_each_harder():
    border = Evidence(directional(0.5), "points", "", [effect(1.0, 0.45)], ["x"])
    assert decide([border], 10)[0].verdict == "supported"
    assert {made.verdict for made in decide([border] * 4, 10)} == {"undecided"}


def test_before_the_planned_seeds_p_must_be_below_a_thousandth():
    # p = 0.004
    one = Evidence(directional(0.5), "points", "", [effect(1.0, 0.35, seeds=10)], ["x"])
    assert decide([one], 10)[0].verdict == "supported"
    early = decide([one], 20)[0]
    assert early.verdict == "undecided" and early.level == pytest.approx(0.999)


def test_holm_steps_down_at_the_level_of_the_look():
    """At an interim look p must be below 0.001/4 for the smallest of four: none of these is."""
    claims = [
        Evidence(directional(0.5), "points", "", [effect(1.0, 1.0 / z, seeds=5)], ["x"])
        for z in (3.48, 3.43, 3.39, 3.32)
    ]
    made = decide(claims, 10)
    assert all(0.0004 < one.p_value < 0.001 for one in made) and {one.verdict for one in made} == {
        "undecided"
    }


def test_a_look_after_the_planned_one_is_stricter():
    # p = 0.026
    one = Evidence(directional(0.5), "points", "", [effect(1.0, 0.45, seeds=12)], ["x"])
    assert (
        decide([one], 12)[0].verdict == "supported" and decide([one], 10)[0].verdict == "undecided"
    )


@pytest.mark.parametrize(
    "more",
    [
        {"blocked": ["a point is missing"]},
        {"effects": [effect(5.0, math.nan, seeds=1)]},
        {"effects": []},
        {"cross_fitted": [effect(0.3, 0.4)]},
    ],
)
def test_what_leaves_a_claim_undecided(more):
    given = {"effects": [effect(5.0, 0.1)], "names": ["x"]} | more
    given["names"] = ["x"] * len(given["effects"])
    one = Evidence(directional(0.5), "points", "", **given)
    made = decide([one], 10)[0]
    assert made.verdict == "undecided"
    assert decided_by(one, made, 10)[0] or not given["effects"]


def test_more_updates_than_the_other_contradict_fewer_updates():
    assert verdict(equivalent(0.5), effect(0.0, 0.1), holds=True) == "supported"
    assert verdict(equivalent(0.5), effect(0.0, 0.1), holds=False) == "contradicted"


def test_the_seeds_that_are_called_enough_are_and_fewer_are_not():
    one = effect(1.0, 0.6, seeds=10)
    found = needed(one, 1.0, 0.025, 10)
    low, high = found.seeds
    assert 10 < low < high and found.images is None

    def half(seeds, by_seeds):
        return stats.t.ppf(0.975, seeds - 1) * math.sqrt(by_seeds / seeds)

    for seeds, share in ((low, 0.9), (high, 0.1)):  # the 80% interval of the variance
        by_seeds = one.by_seeds * 9 / stats.chi2.ppf(share, 9)
        assert half(seeds, by_seeds) < 1.0 <= half(seeds - 1, by_seeds)


def test_where_the_images_are_too_few_their_number_is_told_and_would_be_enough():
    rng = np.random.default_rng(0)

    def measure(images, seeds=10):  # half of a difference of 0.8 points is of the images themselves
        by_image = rng.choice([-1, 0, 1], images, p=[0.096, 0.8, 0.104])[None, :]
        return two_way(100.0 * np.where(rng.random((seeds, images)) < 0.95, by_image, 0))

    made = measure(500)
    found = needed(made, 0.8, 0.025, 10)
    assert found.seeds is None and found.images > 5000
    enough = measure(found.images)
    low, high = enough.interval(0.95)
    assert (high - low) / 2 < 0.9
    text, overrides = decided_by(*_undecided(made), 10)
    assert text.startswith("no number of seeds decides this: some ") and not overrides


def _undecided(one: Effect):
    from dataclasses import replace

    one = replace(one, estimate=0.8)
    evidence = Evidence(directional(0.5), "points", "", [one], ["x"])
    made = decide([evidence], 10)[0]
    assert made.verdict == "undecided"
    return evidence, made
