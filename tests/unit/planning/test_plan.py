"""The grid, identity and packing."""

import copy
import functools
import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallbatch.config.compose import compose
from smallbatch.core.identity import count, digest, point_digests, points_of
from smallbatch.models.build import build
from smallbatch.planning.files import plan_study
from smallbatch.planning.grid import expand
from smallbatch.planning.packing import pack
from smallbatch.planning.plan import fleet_of, make_plan


@pytest.fixture(scope="module")
def config() -> dict:
    return compose("digits", [])


def points_in(plan) -> set[str]:
    return {
        point
        for job in plan.jobs.values()
        for entry in job["fleets"]
        for point in point_digests(entry["fleet"], points_of(entry["points"]))
    }


@functools.cache
def planned(*overrides):
    return make_plan(compose("digits", list(overrides)), "code", "data")


def test_the_default_study_has_some_2000_points_and_seven_rates_or_more_at_every_batch_size():
    plan = planned()
    assert 1950 <= plan.study["points"] <= 2100
    rates = {}
    for row in expand(plan.study["config"]):
        if row["budget"] == "epochs:10":
            rates.setdefault(row["batch_size"], []).append(len(row["base_lr"]))
    assert sorted(rates) == [2**k for k in range(1, 9)] and min(map(min, rates.values())) >= 7


axes = st.fixed_dictionaries(
    {
        "batch_size": st.lists(st.sampled_from([2, 4, 8, 16]), min_size=1, unique=True),
        "norm": st.lists(st.sampled_from(["none", "bn", "bn:2"]), min_size=1, unique=True),
        "base_lr": st.lists(st.sampled_from([0.5, 0.25, 0.1]), min_size=1, unique=True),
        "seeds": st.integers(1, 3),
    }
)


@given(axes)
@settings(deadline=None, max_examples=40)
def test_the_grid_is_the_product_of_its_axes_without_doubles(config, axes):
    grid = (
        copy.deepcopy(config["grid"]) | axes | {"base_lr_at": {}, "arms": {}, "budget": "epochs:1"}
    )
    plan = make_plan(config | {"grid": grid}, "code", "data")
    # "BN over the batch" and "BN over 2" are one point at m = 2
    settings = {
        (m, "none" if n == "none" else 2 if n == "bn:2" else m)
        for m, n in product(axes["batch_size"], axes["norm"])
    }
    expected = len(settings) * len(axes["base_lr"]) * axes["seeds"]
    assert plan.study["points"] == len(points_in(plan)) == expected


@given(axes, st.floats(0.01, 10))
@settings(deadline=None, max_examples=40)
def test_however_fleets_are_packed_every_point_is_in_one_job(config, axes, seconds):
    grid = (
        copy.deepcopy(config["grid"]) | axes | {"base_lr_at": {}, "arms": {}, "budget": "epochs:1"}
    )
    rows = expand(config | {"grid": grid})
    fleets = {(r["batch_size"], r["bn_batch_size"]): r for r in rows}.values()
    entries = [
        {
            "fleet": fleet_of(config, r),
            "points": [{"base_lr": r["base_lr"], "seeds": list(range(r["seeds"]))}],
        }
        for r in fleets
    ]
    jobs = pack(entries, {"job_seconds": seconds, "images_per_second": 1000})
    packed = [(digest(e["fleet"]), p) for job in jobs for e in job for p in points_of(e["points"])]
    assert sorted(packed) == sorted(
        (digest(e["fleet"]), p) for e in entries for p in points_of(e["points"])
    )
    assert all(count(e["points"]) for job in jobs for e in job)


def test_an_arm_with_as_many_updates_shares_its_points():
    plan = planned()
    both = [
        b
        for b in plan.study["budgets"]
        if (16, "none", 640) in {(s["batch_size"], s["norm"], s["updates"]) for s in b["settings"]}
    ]
    assert [b["budget"] for b in both] == ["epochs:10", "updates:640"]
    assert len(points_in(planned("grid.batch_size=[16]", "grid.norm=[none]"))) == 80


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "grid.arms.same_updates.batch_size=[16,96]",
            "grid.arms.same_updates.batch_size: 96 is not in grid.batch_size",
        ),
        (
            "grid.arms.same_updates.norm=[gn,none]",
            "grid.arms.same_updates.norm: gn is not in grid.norm",
        ),
    ],
)
def test_values_of_an_arm_that_the_grid_lacks_are_refused_and_not_dropped(override, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        planned(override)
    with pytest.raises(ValueError, match=re.escape(said)):
        planned("grid.batch_size=[16,64]", "grid.norm=[none]", override)


def test_a_setting_stands_in_every_budget_that_it_meets():
    """m = 16 with batch norm at 10 epochs has 640 updates, though the arm lists no batch norm."""
    plan = planned()
    (settings,) = (b["settings"] for b in plan.study["budgets"] if b["budget"] == "updates:640")
    names = {(one["batch_size"], one["norm"]) for one in settings}
    assert names == {(16, "none"), (16, "bn"), (64, "none"), (256, "none")}
    assert plan.study["points"] == 2040  # they are the same points
    longer = expand(compose("digits", ["grid.arms.same_updates.budget=epochs:40"]))
    assert {row["batch_size"] for row in longer if row["budget"] == "epochs:40"} == {16, 64, 256}


@pytest.mark.parametrize(("study", "updates"), [("digits", 640), ("fashion", 17187)])
def test_no_difference_is_claimed_at_the_epochs_of_its_source_and_at_fixed_updates(study, updates):
    claims = make_plan(compose(study, []), "code", "data").study["claims"]
    budgets = [claim["budget"] for claim in claims if claim["test"] == "no-difference"]
    assert [budget.partition(":")[0] for budget in budgets] == ["epochs", "updates"]
    assert budgets[1] == f"updates:{updates}"


def test_the_number_of_parameters_is_that_of_the_network():
    (first, *_) = plan_study(compose("digits", [])).study["papers"]
    net = build(compose("digits", [])["model"], (1, 8, 8), 10, "none", None, 0)
    number = sum(parameter.numel() for parameter in net.parameters())
    assert f"a network of {number:,} parameters without norm" in first["differences"][0]


def test_a_narrowed_grid_narrows_every_arm():
    assert {row["batch_size"] for row in expand(compose("digits", ["grid.batch_size=[2,4]"]))} == {
        2,
        4,
    }
    assert {row["norm"] for row in expand(compose("digits", ["grid.norm=[none]"]))} == {"none"}
    rows = expand(compose("digits", ["grid.base_lr=[0.25]"]))
    assert all(row["base_lr"] == [0.25] for row in rows)
    assert len(points_in(planned("grid.seeds=3"))) == 0.3 * len(points_in(planned()))


def test_more_seeds_keep_the_points_that_were_there():
    assert points_in(planned("grid.seeds=3")) < points_in(planned("grid.seeds=4"))


def test_identity_ignores_null_keys_order_and_what_only_packs():
    base = points_in(planned())
    assert points_in(planned("training.job_seconds=5")) == base
    assert points_in(planned("training.device=cuda", "training.gpus=1", "precision=null")) == base
    assert points_in(planned("+model.dropout=null")) == base
    config = compose("digits", [])
    shuffled = {key: config[key] for key in reversed(config)}
    assert points_in(make_plan(shuffled, "code", "data")) == base


@pytest.mark.parametrize(
    "override",
    [
        "optimizer.momentum=0.5",
        "model.channels=[8,8]",
        "schedule.drops=[0.5]",
        "dataset.sizes.train=1000",
        "evaluation.epochs=[1]",
        "precision=bf16",
    ],
)
def test_identity_covers_what_results_depend_on(override):
    assert not points_in(planned(override)) & points_in(planned())


def test_changing_the_code_changes_jobs_but_not_points():
    config = compose("digits", [])
    one, two = make_plan(config, "code", "data"), make_plan(config, "edited", "data")
    assert points_in(one) == points_in(two) and not set(one.jobs) & set(two.jobs)


def test_the_plan_files_of_a_large_study_stay_small():
    plan = planned("grid.seeds=1000", "grid.base_lr=[2**-20..2**0]")
    assert plan.study["points"] > 500_000
    assert max(len(str(job)) for job in plan.jobs.values()) < 1_000_000


def test_a_missing_rate_and_an_impossible_budget_name_the_key(config):
    for changes, message in (
        ({"base_lr": [], "base_lr_at": {}}, r"grid\.base_lr: no rate for batch size"),
        ({"budget": "examples:100"}, r"grid\.budget: examples:100 holds no whole batch of 128"),
        ({"budget": "updates_of:16"}, r"grid\.budget: grid\.budget cannot be updates_of"),
    ):
        with pytest.raises(ValueError, match=message):
            expand(config | {"grid": config["grid"] | changes})


def scheduled(*overrides):
    return compose("schedules-digits", list(overrides))


def test_a_grid_over_schedules_is_the_product_of_each_arm():
    rows = expand(scheduled())
    assert len(rows) == 12 and {row["schedule"] for row in rows if row["batch_size"] == 32} == {
        "constant",
        "decay",
        "increase",
    }
    narrowed = expand(scheduled("grid.batch_size=[8]", "grid.arms.one.schedule=[decay,ba-sgd]"))
    assert [(row["batch_size"], row["schedule"]) for row in narrowed] == [
        (8, "decay"),
        (8, "ba-sgd"),
        *[(8, n) for n in ()],
    ]


def test_a_schedules_name_is_no_part_of_a_point_and_its_momentum_is_the_optimizers():
    """So `ba-momentum` here and BA-SGD with optimizer.momentum there are the same points."""
    one = scheduled(
        "grid.batch_size=[8]", "grid.arms.one.schedule=[ba-sgd]", "+schedules.ba-sgd.momentum=0.9"
    )
    other = scheduled(
        "grid.batch_size=[8]",
        "grid.arms.one.schedule=[x]",
        "+schedules.x=${schedules.ba-sgd}",
        "optimizer.momentum=0.9",
    )
    kept = [
        points_in(make_plan(config | {"grid": without_larger(config)}, "code", "data"))
        for config in (one, other)
    ]
    assert kept[0] == kept[1] and len(kept[0]) == 60


def without_larger(config):
    return config["grid"] | {"arms": {"one": config["grid"]["arms"]["one"]}}


@pytest.mark.parametrize(("scaling", "p"), [("linear", 1.0), ("sqrt", 0.5), ("constant", 0.0)])
def test_a_scaling_rule_says_how_the_rate_goes_with_the_batch_size(scaling, p):
    overrides = [
        "grid.base_lr=[2**-6]",
        "grid.norm=[none]",
        f"grid.scaling={scaling}",
        "grid.scaling_reference=4",
    ]
    rows = [row for row in expand(compose("digits", overrides)) if row["budget"] == "epochs:10"]
    rates = {row["batch_size"]: row["base_lr"][0] * row["batch_size"] for row in rows}
    assert rates[4] == 4 * 2.0**-6
    for m, lr in rates.items():
        assert lr == pytest.approx(rates[4] * (m / 4) ** p)
