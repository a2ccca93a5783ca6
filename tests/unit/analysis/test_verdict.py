"""Verdicts from effects: the rule of each kind of claim, Holm, interim looks, and what would
decide."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from smallbatch.analysis.claims.deciding import decided_by
from smallbatch.analysis.claims.power import chance, needed
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
        (0.4, 0.01, "too small to matter"),  # above zero, and not worth having
        (-0.1, 0.1, "too small to matter"),  # within ±0.5
        (-0.3, 0.1, "contradicted"),  # all of it on the other side
        (-0.3, 0.3, "undecided"),  # no gain of 0.5, but perhaps a loss of more
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
    border = effect(-1.1, 0.52)  # told alone, not as one of three
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
            if high < 0
            else "supported"
            if low > 0 and one.effects[0].estimate >= 0.5
            else "too small to matter"
            if low > -0.5 and high < 0.5
            else "undecided"
        )
        near = min(abs(high - 0.5), abs(high), abs(low), abs(low + 0.5)) < 1e-9
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


def drawn(rng, estimate: float, seeds: int, images: int) -> Effect:
    """Accuracies that differ by `estimate` points on average: by seed, by image and by both."""
    by_seed, by_image = rng.normal(0, 0.6, (seeds, 1)), rng.normal(0, 8, (1, images))
    return two_way(estimate + by_seed + by_image + rng.normal(0, 15, (seeds, images)))


@pytest.mark.parametrize(
    ("rule", "estimate", "expected"),
    [
        (directional(0.5), 1.0, "supported"),
        (directional(0.5), 0.65, "supported"),  # here the estimate of 0.5 is what is hard to reach
        (directional(1.5), 0.5, "too small to matter"),
        (directional(0.5), -0.9, "contradicted"),
        (equivalent(1.0), 0.3, "supported"),
    ],
)
def test_the_seeds_and_images_that_are_called_enough_decide_in_four_of_five_studies(
    rule, estimate, expected
):
    one = Effect(
        estimate, 1.0, 10.0, 5, 0.36 + 225 / 300, 64 / 300, 300, by_examples=64, residual=225
    )
    assert rule.settled(estimate) == expected
    found, rng = needed(rule, one, 0.05, 5), np.random.default_rng(0)
    assert found.seeds > 5 and found.images >= 300
    told = [
        decide([Evidence(rule, "points", "", [made], ["x"])], found.seeds)[0].verdict
        for made in (drawn(rng, estimate, found.seeds, found.images) for _ in range(200))
    ]
    assert 0.70 < told.count(expected) / 200 < 0.90  # three standard errors


@pytest.mark.parametrize(
    ("truth", "wrong"),
    [
        (0.0, {"supported", "contradicted"}),
        (1.5, {"too small to matter", "contradicted"}),
        (-1.5, {"too small to matter", "supported"}),
    ],
)
def test_at_the_borders_of_the_verdicts_a_false_one_is_as_rare_as_the_level_says(truth, wrong):
    rng = np.random.default_rng(1)
    told = [
        decide([Evidence(directional(1.5), "points", "", [drawn(rng, truth, 8, 150)], ["x"])], 8)
        for _ in range(400)
    ]
    share = sum(made[0].verdict in wrong for made in told) / 400
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_seeds_alone_are_named_where_they_are_enough_and_one_fewer_is_not():
    one = effect(1.0, 0.6, seeds=10)
    found = needed(directional(0.5), one, 0.05, 10)
    assert found.span[0] < found.seeds < found.span[1]
    chances = [chance(directional(0.5), one, found.seeds + n, 0, 0.05) for n in (-1, 0)]
    assert chances[0] < 0.8 <= chances[1]
    # the 80% interval of the variance
    by_seeds = one.by_seeds * 9 / stats.chi2.ppf(0.1, 9)
    wide = effect(1.0, math.sqrt(by_seeds / 10), seeds=10)
    assert needed(directional(0.5), wide, 0.05, 10).seeds == found.span[1]


def test_no_number_of_seeds_is_said_where_more_images_do_at_the_planned_seeds_and_else_a_pair():
    # 0.8 points; the part of the images alone is too large, that of the seeds is small
    images = Effect(0.8, 0.3, 40.0, 10, 0.5, 0.25, 500, by_examples=125, residual=100)
    text, overrides = decided_by(*_undecided(images), 10, 517)
    assert text.startswith("no number of seeds decides this on 500 test images: 10 seeds and some ")
    assert text.endswith("; this data set has only 517 outside its training and validation images")
    assert not overrides
    # both are too large: with endless images ten seeds would not do
    both = Effect(0.8, 0.6, 20.0, 10, 4.0, 0.25, 500, by_examples=125, residual=100)
    text, _ = decided_by(*_undecided(both), 10, 10_000)
    assert text.startswith("neither more seeds nor more test images alone: ")
    assert "no number" not in text and "this data set" not in text
    rule, pair = directional(0.5), needed(directional(0.5), both, 0.01, 11)
    assert (
        f"{pair.seeds} seeds" in text and chance(rule, both, pair.seeds, pair.images, 0.01) >= 0.8
    )
    assert chance(rule, both, 10, 1_000_000, 0.05) < 0.8
    assert chance(rule, both, 1000, 500, 0.05) < 0.8


def test_a_difference_at_the_least_effect_is_decided_by_no_number():
    one = effect(0.5, 0.3)
    evidence = Evidence(directional(0.5), "points", "", [one], ["x"])
    text, overrides = decided_by(evidence, decide([evidence], 10)[0], 10)
    assert "too close to where two verdicts meet" in text and not overrides


def _undecided(one: Effect):
    from dataclasses import replace

    one = replace(one, estimate=0.8)
    evidence = Evidence(directional(0.5), "points", "", [one], ["x"])
    made = decide([evidence], 10)[0]
    assert made.verdict == "undecided"
    return evidence, made
