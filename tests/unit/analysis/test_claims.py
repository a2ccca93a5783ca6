"""Each kind of claim on made-up studies: a clear winner, a tie, all diverged, one seed, a missing
cell, an optimum on the edge."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from made import grid, measured, table

from smallbatch.analysis.claims.judge import judge

BASE = {
    "claim": "c",
    "statement": "It is so",
    "source": "a paper",
    "cite": None,
    "norm": None,
    "budget": "epochs:1",
    "limit": 32,
    "up_to": 32,
    "reference": None,
    "schedule": None,
    "against": None,
    "batch_size": None,
    "delta": 0.5,
    "margin": 0.5,
}
GOOD, LESS, EQUAL = (
    {0.1: (v - 0.1, t - 0.1), 0.2: (v, t), 0.4: (v - 0.1, t - 0.1)}
    for v, t in ((0.9, 0.85), (0.8, 0.7), (0.9, 0.85))
)
LEAST = {0.1: (0.6, 0.5), 0.2: (0.7, 0.6), 0.4: (0.6, 0.5)}
DEAD = {0.1: (0.1, 0.1, "diverged"), 0.2: (0.1, 0.1, "diverged")}
EDGE = {0.1: (0.9, 0.85), 0.2: (0.8, 0.7)}


def decided(*parts: pd.DataFrame, planned=None, images=2000, **claim) -> dict:
    frame = pd.concat(parts, ignore_index=True)
    return dataclasses.asdict(
        judge([BASE | claim], measured(frame, planned, images), planned=10)[0]
    )


def made(cells: dict, m: int, seeds: int = 10, noise: float = 0.0, **more) -> pd.DataFrame:
    """A setting whose seeds differ by noise (the tables of `made.py` differ by 0.01 a seed)."""
    frame = table(cells, m=m, seeds=seeds, **more)
    frame["test_accuracy"] -= 0.01 * frame["seed"]
    rng = np.random.default_rng(m)
    frame["test_accuracy"] += noise * rng.standard_normal(len(frame))
    return frame


def outer() -> list[pd.DataFrame]:
    """Worse batch sizes on both sides, so that the best of each side is no end of the grid."""
    return [made(LEAST, m, noise=0.002) for m in (4, 128)]


def test_a_clear_winner_is_told_and_the_other_side_contradicted():
    parts = [made(GOOD, 8, noise=0.002), made(LESS, 64, noise=0.002), *outer()]
    found = decided(*parts, test="small-batch")
    assert found["verdict"] == "supported" and found["estimate"] == pytest.approx(15, abs=0.5)
    assert (
        found["ci_low"] < 15 < found["ci_high"]
        and found["p_value"] < 1e-6
        and found["decide_by"] == ""
    )
    assert (
        "m = 8 with no norm at η̃ = 0.2 (η = 1.6) reached 85" in found["found"]
        and "at 1 epoch" in found["found"]
    )
    assert decided(*parts, test="large-batch")["verdict"] == "contradicted"
    assert decided(*parts, test="no-difference")["verdict"] == "contradicted"


def test_a_tie_is_equivalence_where_it_is_sure_and_else_undecided():
    sure = [made(GOOD, 8, noise=0.0005), made(EQUAL, 64, noise=0.0005)]
    assert decided(*sure, test="no-difference")["verdict"] == "supported"
    assert decided(*sure, *outer(), test="small-batch")["verdict"] == "too small to matter"
    unsure = [made(GOOD, 8, noise=0.02), made(EQUAL, 64, noise=0.02)]
    found = decided(*unsure, test="no-difference")
    assert (
        found["verdict"] == "undecided"
        and "seeds" in found["decide_by"]
        and found["overrides"][0].startswith("grid.seeds=")
    )


@pytest.mark.parametrize(
    "test", ["small-batch", "large-batch", "no-difference", "linear-scaling", "stable-range"]
)
def test_everything_diverged_decides_nothing(test):
    found = decided(made(DEAD, 8), made(DEAD, 64), test=test)
    assert found["verdict"] == "undecided" and found["estimate"] is None and found["decide_by"]


def test_one_seed_decides_nothing():
    found = decided(made(GOOD, 8, seeds=1), made(LESS, 64, seeds=1), test="small-batch")
    assert found["verdict"] == "undecided" and found["ci_low"] is None and found["p_value"] is None
    assert found["overrides"] == ["grid.seeds=10"]


def test_a_missing_cell_decides_nothing():
    whole = pd.concat([made(GOOD, 8), made(LESS, 64)])
    part = whole[~((whole["batch_size"] == 64) & (whole["base_lr"] == 0.4) & (whole["seed"] == 3))]
    found = decided(part, planned=grid(whole), test="small-batch")
    assert found["verdict"] == "undecided" and found["decide_by"].startswith(
        "1 planned point of its settings is missing"
    )


def test_an_optimum_on_the_edge_decides_nothing_and_names_the_rates_to_add():
    found = decided(made(GOOD, 8), made(EDGE, 64), test="small-batch")
    assert found["verdict"] == "undecided"
    assert "the best η̃ of m = 64, no norm, lies on the edge of those tried" in found["decide_by"]
    assert found["overrides"] == ["grid.base_lr_at.m64_none=[0.025,0.05,0.1,0.2]"]


def test_a_study_with_batch_sizes_on_one_side_only_says_so():
    found = decided(made(GOOD, 8), made(LESS, 16), test="small-batch")
    assert found["verdict"] == "undecided" and "no batch size above 32" in found["decide_by"]


def test_a_choice_that_hangs_on_the_seed_that_it_is_read_on_decides_nothing():
    """On validation each seed would choose another of two small sizes; the right one only by
    chance."""
    a, b = made(GOOD, 8), made(GOOD, 16)
    lucky = a["seed"] % 2 == 0
    for frame, good in ((a, lucky), (b, ~lucky)):
        frame.loc[frame["base_lr"] == 0.2, "val_accuracy"] = np.where(good, 0.95, 0.85)[
            frame["base_lr"] == 0.2
        ]
        frame.loc[frame["base_lr"] == 0.2, "test_accuracy"] = np.where(good, 0.9, 0.7)[
            frame["base_lr"] == 0.2
        ]
    found = decided(a, b, made(LESS, 64, noise=0.01), test="small-batch")
    assert found["cross_fitted"] < found["estimate"] - 3
    assert found["verdict"] == "undecided"


def test_failed_points_count_with_what_they_predict_and_are_not_dropped():
    cells = {0.1: (0.8, 0.7), 0.2: (0.9, 0.85), 0.4: (0.1, 0.1, "diverged")}
    kept = decided(
        made(cells, 8),
        made({0.1: (0.8, 0.7), 0.2: (0.1, 0.1, "diverged")}, 16),
        test="scaled-accuracy",
        up_to=16,
    )
    assert kept["verdict"] == "contradicted" and kept["estimate"] == pytest.approx(-75, abs=1)


def test_a_scaled_rate_keeps_the_accuracy_to_the_largest_m_that_is_not_worse_tested_upwards():
    same = {0.1: (0.8, 0.7), 0.2: (0.9, 0.85), 0.4: (0.8, 0.7)}
    worse = {0.1: (0.9, 0.85), 0.2: (0.8, 0.75), 0.4: (0.7, 0.6)}
    parts = [made(same, m, noise=0.0005) for m in (2, 4, 8)] + [made(worse, 16, noise=0.0005)]
    found = decided(*parts, test="scaled-accuracy", up_to=8)
    assert (
        found["verdict"] == "supported"
        and "level of the verdict: holds at m = 4 and 8" in found["found"]
    )
    fell = decided(*parts, test="scaled-accuracy", up_to=16)
    assert fell["verdict"] == "contradicted"
    assert fell["found"].endswith("holds at m = 4 and 8, fails at m = 16")
    assert (
        "m = 32 is not in the grid"
        in decided(*parts, test="scaled-accuracy", up_to=32)["decide_by"]
    )


def test_the_scaling_rule_costs_nothing_where_only_the_batch_size_does():
    """The best rate stays at 0.2 while the accuracy falls with m: the rule is right, the accuracy of
    the reference is lost."""
    parts = [
        made({0.1: (v - 0.1, t - 0.1), 0.2: (v, t), 0.4: (v - 0.1, t - 0.1)}, m, noise=0.0005)
        for m, v, t in ((2, 0.9, 0.85), (4, 0.88, 0.83), (8, 0.86, 0.81))
    ]
    rule = decided(*parts, test="linear-scaling", up_to=8)
    assert rule["verdict"] == "supported" and rule["estimate"] == pytest.approx(10, abs=1)
    assert "at m = 4 and 8 the scaled one is the best on validation images" in rule["found"]
    accuracy = decided(*parts, test="scaled-accuracy", up_to=8)
    assert accuracy["verdict"] == "contradicted"
    assert accuracy["found"].endswith("at the level of the verdict: fails at m = 4 and 8")


def test_the_scaling_rule_fails_where_another_rate_is_better_and_small_costs_are_not_told():
    other = {0.1: (0.9, 0.85), 0.2: (0.89, 0.80), 0.4: (0.7, 0.6)}
    wide = {0.05: (0.7, 0.6)} | other
    near = {0.1: (0.89, 0.845), 0.2: (0.9, 0.85), 0.4: (0.7, 0.6)}
    parts = [made(GOOD, 2), made(near, 4, noise=0.02), made(wide, 8, noise=0.0005)]
    found = decided(*parts, test="linear-scaling", up_to=8)
    assert found["verdict"] == "contradicted" and found["estimate"] == pytest.approx(-5, abs=0.5)
    assert found["found"].endswith("not distinguishable at m = 4, fails at m = 8")
    assert found["cross_fitted"] == pytest.approx(-5, abs=0.5)
    one = decided(made(GOOD, 2), made({0.2: (0.9, 0.8)}, 4), test="linear-scaling", up_to=4)
    assert one["verdict"] == "undecided"
    assert "no other η̃ trains every seed at m = 4" in one["decide_by"]


def ladder(
    m: int, top: int, seeds: int = 10, shaky: bool = False, norm: str = "none"
) -> pd.DataFrame:
    """Rates 2⁻⁸ … 2⁰, best at 2⁻⁷, that diverge above 2^top (with `shaky` one octave lower for
    every other seed)."""
    cells = {
        2.0**k: (0.9 - 0.01 * abs(k + 7), 0.8) if k <= top else (0.1, 0.1, "diverged")
        for k in range(-8, 1)
    }
    frame = made(cells, m, seeds=seeds, norm=norm, b=m if norm == "bn" else None)
    if shaky:
        frame.loc[(frame["base_lr"] == 2.0**top) & (frame["seed"] % 2 == 0), "status"] = "untrained"
    return frame


def test_the_slope_of_the_stable_range_is_found_with_that_of_the_usual_rate():
    parts = [ladder(2, -1), ladder(4, -2), ladder(8, -3, shaky=True), ladder(16, -4)]
    found = decided(*parts, test="stable-range", norm="none", delta=0.1)
    means = np.array([-1, -2, -3.5, -4])
    assert found["estimate"] == pytest.approx(-np.polyfit([1, 2, 3, 4], means, 1)[0])
    assert found["verdict"] == "supported" and found["unit"] == "octaves per doubling of m"
    half = (found["ci_high"] - found["ci_low"]) / 2
    # never below what the grid's steps leave open
    assert half > 1.8 * np.sqrt((np.array([-1.5, -0.5, 0.5, 1.5]) ** 2).sum() / 25 / 12)
    assert "that of η = η̃·m is −0.05" in found["found"]
    flat = decided(
        *[ladder(m, -3) for m in (2, 4, 8, 16)], test="stable-range", norm="none", delta=0.5
    )
    assert (
        flat["estimate"] == pytest.approx(0, abs=1e-12) and flat["verdict"] == "too small to matter"
    )


def test_a_range_that_the_grid_cuts_off_at_large_m_decides_nothing_and_at_small_m_it_may():
    cut = [ladder(2, -1), ladder(4, -2), ladder(8, -3), ladder(16, 0)]
    found = decided(*cut, test="stable-range", norm="none", delta=0.1)
    assert (
        found["verdict"] == "undecided"
        and "at m = 16 the grid ends before training fails" in found["decide_by"]
    )
    assert found["overrides"][0].startswith("grid.base_lr_at.m16_none=[2**-8,") and found[
        "overrides"
    ][0].endswith("2**1,2**2]")
    free = decided(
        ladder(2, 0),
        ladder(4, -2),
        ladder(8, -3),
        ladder(16, -4),
        test="stable-range",
        norm="none",
        delta=0.1,
    )
    assert free["verdict"] == "supported" and "at least" in free["found"]


def normed(best: int, tried: tuple[int, ...]) -> list[pd.DataFrame]:
    """Two batch sizes with batch norm over the whole batch and over the numbers tried."""
    return [
        made(GOOD if b == best else LESS if b == m else LEAST, m, norm="bn", b=b, noise=0.002)
        for m in (16, 32)
        for b in (*tried, m)
    ]


def test_batch_norm_over_fewer_examples_is_compared_at_each_m_and_on_average():
    parts = normed(4, (2, 4, 8))
    found = decided(*parts, test="bn-batch")
    assert found["verdict"] == "supported" and found["estimate"] == pytest.approx(15, abs=0.5)
    assert "m = 16: 85" in found["found"] and "m = 32: 85" in found["found"]
    assert decided(made(GOOD, 16), test="bn-batch")["decide_by"].startswith("it needs batch norm")


@pytest.mark.parametrize(
    ("best", "tried", "said"),
    [
        (4, (4, 8), "m = 16, 4, is an end of those tried (bn:2 would show)"),
        (4, (2, 4), "m = 16, 4, is an end of those tried (bn:8 would show)"),
        (8, (4, 8), "m = 32, 8, is an end of those tried (bn:16 would show)"),
        (2, (2, 4), None),  # over fewer than 2 there is no variance
    ],
)
def test_a_best_bn_batch_at_an_end_of_those_tried_decides_nothing(best, tried, said):
    found = decided(*normed(best, tried), test="bn-batch")
    assert found["verdict"] == ("undecided" if said else "supported")
    assert (said or "") in found["decide_by"]


def test_a_best_batch_size_at_an_end_of_the_grid_decides_only_what_a_wider_grid_could_not_undo():
    """A smaller m could only add to the lead of m = 8, a larger one could take it from it."""
    clear = [made(GOOD, 8, noise=0.002), made(LESS, 64, noise=0.002), outer()[1]]
    assert decided(*clear, test="small-batch")["verdict"] == "supported"
    other = decided(*clear, test="large-batch")
    assert other["verdict"] == "undecided"
    assert (
        "m = 8, is the smallest tried at 1 epoch (a smaller one would show)" in other["decide_by"]
    )
    cut = decided(*clear[:2], test="small-batch")
    assert cut["verdict"] == "undecided" and "m = 64, is the largest tried" in cut["decide_by"]
    one = [made(GOOD, 1, noise=0.002), *clear[1:]]  # there is no smaller m than 1
    assert decided(*one, test="large-batch")["verdict"] == "contradicted"


def scheduled(
    name: str, cells: dict, m: int = 8, updates: int = 10, loss: float = 1.0, noise: float = 0.02
) -> pd.DataFrame:
    frame = made(cells, m, noise=0.0005, schedule=name).assign(updates=updates)
    rng = np.random.default_rng(m + updates)
    slower = np.where(frame["base_lr"] == 0.2, 1.0, 2.0)
    return frame.assign(train_loss=slower * loss * np.exp(noise * rng.standard_normal(len(frame))))


def test_increasing_the_batch_must_match_the_accuracy_with_fewer_updates():
    decay = scheduled("decay", GOOD, updates=100)
    claim = {"test": "same-accuracy-fewer-updates", "schedule": "increase", "against": "decay"}
    found = decided(decay, scheduled("increase", GOOD, updates=40), **claim)
    assert (
        found["verdict"] == "supported"
        and found["needs"] == "within ±0.5 points, with fewer updates"
    )
    assert "after 40 updates" in found["found"] and "after 100 updates" in found["found"]
    assert (
        decided(decay, scheduled("increase", GOOD, updates=120), **claim)["verdict"]
        == "contradicted"
    )
    assert (
        decided(decay, scheduled("increase", LESS, updates=40), **claim)["verdict"]
        == "contradicted"
    )
    assert decided(decay, scheduled("hybrid", LESS, updates=40), **claim)["decide_by"].startswith(
        "it needs both schedules"
    )


def test_a_lower_training_loss_must_beat_every_fixed_batch_size():
    fixed = [scheduled("fixed", GOOD, 8, loss=0.5), scheduled("fixed", GOOD, 32, loss=0.8)]
    claim = {"test": "lower-training-loss", "schedule": "ba", "against": "fixed", "delta": 0.02}
    best = decided(*fixed, scheduled("ba", GOOD, loss=0.3), **claim)
    assert best["verdict"] == "supported" and best["estimate"] == pytest.approx(
        np.log(0.5 / 0.3), abs=0.05
    )
    assert [rival["name"] for rival in best["rivals"]] == ["m = 8", "m = 32"]
    between = decided(*fixed, scheduled("ba", GOOD, loss=0.6), **claim)
    assert between["verdict"] == "contradicted" and between["estimate"] < 0


def test_claims_of_a_study_are_adjusted_together():
    frame = pd.concat([made(GOOD, 8, noise=0.02), made(EQUAL, 64, noise=0.02)], ignore_index=True)
    claims = [BASE | {"test": "small-batch", "claim": name} for name in "abcd"]
    alone, *together = judge(claims[:1], measured(frame), 10) + judge(claims, measured(frame), 10)
    assert all(one.ci_high - one.ci_low > alone.ci_high - alone.ci_low for one in together)
    assert together[0].p_holm == pytest.approx(min(1, 4 * alone.p_value))


def test_a_record_has_the_keys_of_the_contract_first():
    found = decided(made(GOOD, 8), made(LESS, 64), test="small-batch")
    contract = [
        "claim",
        "source",
        "statement",
        "statistic",
        "estimate",
        "ci_low",
        "ci_high",
        "p_value",
        "seeds",
        "verdict",
        "decide_by",
    ]
    assert list(found)[: len(contract)] == contract


def test_a_rate_that_was_not_tried_at_a_larger_m_is_named_and_added():
    other = {0.3: (0.8, 0.7), 0.6: (0.9, 0.85), 1.2: (0.8, 0.7)}
    found = decided(made(GOOD, 8), made(other, 16), made(GOOD, 32), test="linear-scaling")
    assert (
        found["verdict"] == "undecided" and "η̃ = 0.2 was not tried at m = 16" in found["decide_by"]
    )
    assert found["overrides"] == ["grid.base_lr_at.m16_none=[0.2,0.3,0.6,1.2]"]


def test_a_setting_without_a_single_point_is_missing():
    whole = pd.concat([made(GOOD, 8), made(LESS, 64), made(GOOD, 128)])
    found = decided(whole[whole["batch_size"] < 128], planned=grid(whole), test="small-batch")
    assert found["verdict"] == "undecided" and found["decide_by"].startswith(
        "30 planned points of its settings are missing"
    )


def test_seeds_that_only_one_setting_has_are_left_out_of_the_choice_on_others():
    part = pd.concat([made(GOOD, 8), made(GOOD, 16, seeds=7), made(LESS, 64)])
    assert decided(part, planned=grid(part), test="small-batch")["cross_fitted"] is not None
    apart = made(LESS, 64).assign(seed=lambda frame: frame["seed"] + 10)
    found = decided(made(GOOD, 8), apart, test="small-batch")
    assert found["verdict"] == "undecided" and found["estimate"] is None


def test_an_early_grid_end_at_small_m_leaves_no_contradiction():
    parts = [ladder(2, 0), ladder(4, -1), ladder(8, -1), ladder(16, -1)]  # at m = 2 nothing fails
    parts[0] = parts[0][parts[0]["base_lr"] <= 2.0**-3]
    found = decided(*parts, test="stable-range", norm="none", delta=0.1)
    assert found["estimate"] < 0 and found["verdict"] == "undecided"
    assert (
        "at m = 2 the grid ends before training fails" in found["decide_by"] and found["overrides"]
    )


def test_where_the_grids_steps_are_too_wide_finer_ones_are_proposed():
    parts = [ladder(2, -2), ladder(4, -2, shaky=True)]
    found = decided(*parts, test="stable-range", norm="none", delta=0.1)
    assert found["verdict"] == "undecided" and "finer" in found["decide_by"]
    assert any(
        "0.1486508893" in one or "2**-2.75" in one or ".148650889" in one
        for one in found["overrides"]
    )


@pytest.mark.parametrize("test", ["linear-scaling", "stable-range"])
def test_a_line_over_m_is_of_one_schedule_and_one_norm(test):
    parts = [made(GOOD, m, schedule=name) for m in (8, 16) for name in ("a", "b")]
    assert "name one in the claim" in decided(*parts, test=test)["decide_by"]
    assert (
        "name one in the claim"
        not in decided(*parts, test=test, schedule="a", up_to=16)["decide_by"]
    )
    norms = [made(GOOD, 8), made(GOOD, 16), made(GOOD, 8, norm="gn")]
    assert "several kinds of norm" in decided(*norms, test=test)["decide_by"]


def test_a_fixed_batch_size_that_never_trains_is_no_rival_that_was_beaten():
    parts = [
        scheduled("fixed", GOOD, 8, loss=0.5),
        scheduled("fixed", DEAD, 32),
        scheduled("ba", GOOD, loss=0.3),
    ]
    found = decided(*parts, test="lower-training-loss", schedule="ba", against="fixed", delta=0.02)
    assert (
        found["verdict"] == "undecided" and "no η̃ trains every seed at m = 32" in found["decide_by"]
    )


def test_no_difference_in_any_prediction_needs_enough_images():
    decay, other = scheduled("decay", GOOD, updates=100), scheduled("increase", GOOD, updates=40)
    other["test_accuracy"] = decay["test_accuracy"].to_numpy()
    claim = {"test": "same-accuracy-fewer-updates", "schedule": "increase", "against": "decay"}
    few = decided(decay, other, images=517, **claim)
    assert few["verdict"] == "undecided" and "of about 598 test images" in few["decide_by"]
    assert decided(decay, other, images=600, **claim)["verdict"] == "supported"


def test_rates_for_several_settings_of_one_key_are_merged():
    ends = {0.1: (0.9, 0.85), 0.2: (0.8, 0.75)}, {0.1: (0.8, 0.75), 0.2: (0.9, 0.85)}
    parts = [made(cells, 8, norm="bn", b=b) for cells, b in zip(ends, (4, 8), strict=True)]
    found = decided(*parts, test="bn-batch")
    assert found["overrides"] == ["grid.base_lr_at.m8_bn=[0.025,0.05,0.1,0.2,0.4,0.8]"]


def test_schedules_are_compared_at_the_rate_chosen_for_the_one_they_replace():
    """Increasing is best at twice the rate, which would be another course of the noise scale."""
    other = {0.1: (0.7, 0.7), 0.2: (0.8, 0.85), 0.4: (0.9, 0.9), 0.8: (0.8, 0.8)}
    decay, increase = (
        scheduled("decay", GOOD, updates=100),
        scheduled("increase", other, updates=40),
    )
    claim = {"test": "same-accuracy-fewer-updates", "schedule": "increase", "against": "decay"}
    found = decided(decay, increase, **claim)
    assert found["estimate"] == pytest.approx(0, abs=0.3)  # 85 and 85, not 90 and 85
    assert "both at η̃ = 0.2; increase at its own best η̃ = 0.4 90" in found["found"]
    assert found["cross_fitted"] == pytest.approx(found["estimate"])
    lacking = decided(decay, increase[increase["base_lr"] != 0.2], **claim)
    assert lacking["verdict"] == "undecided"
    assert "η̃ = 0.2 was not tried with increase" in lacking["decide_by"]
    assert lacking["overrides"] == ["grid.base_lr_at.m8_none=[0.1,0.2,0.4,0.8]"]


def test_a_claim_about_training_loss_chooses_its_rates_by_training_loss():
    """At the rate that is best on validation images the fixed size has the higher loss, at its own
    best the lower one."""
    fixed, ours = (
        scheduled("fixed", GOOD | {0.8: (0.7, 0.6)}, loss=0.5),
        scheduled("ba", GOOD, loss=0.3),
    )
    fixed.loc[fixed["base_lr"] == 0.4, "train_loss"] /= 10  # 0.1
    claim = {"test": "lower-training-loss", "schedule": "ba", "against": "fixed", "delta": 0.02}
    found = decided(fixed, ours, **claim)
    assert found["verdict"] == "contradicted"
    assert found["estimate"] == pytest.approx(np.log(0.1 / 0.3), abs=0.05)
    assert found["cross_fitted"] == pytest.approx(found["estimate"])
    assert "with fixed m = 8 at η̃ = 0.4" in found["found"]
    end = decided(fixed[fixed["base_lr"] <= 0.4], ours, **claim)
    assert end["verdict"] == "undecided" and "on the edge of those tried" in end["decide_by"]


@pytest.mark.parametrize(
    ("claim", "said"),
    [({"norm": "bn"}, "has batch norm at 1 epoch"), ({"budget": "epochs:9"}, "has 9 epochs")],
)
def test_what_the_study_has_not_is_named_and_is_no_interim_look(claim, said):
    found = decided(made(GOOD, 8), made(LESS, 64), test="small-batch", **claim)
    assert said in found["decide_by"] and not found["interim"]


def test_one_seed_of_a_range_has_no_interval_in_its_words():
    found = decided(
        *[ladder(m, -m, seeds=1) for m in (1, 2, 4)], test="stable-range", norm="none", delta=0.1
    )
    assert "nan" not in found["found"] and found["verdict"] == "undecided"
