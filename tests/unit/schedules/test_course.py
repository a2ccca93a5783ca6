"""The course of training that is known before it begins: batch sizes, rates, where epochs end."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smallbatch.schedules.course import (
    epoch_ends,
    examples_at,
    largest_batch,
    phases_between,
    phases_of,
    rate_factors,
    updates_planned,
)
from smallbatch.schedules.rate import rate_factor
from smallbatch.schedules.timetable import Timetable

numbers = st.integers(1, 300)
drops = st.lists(st.floats(0.01, 0.99), max_size=3, unique=True).map(sorted)
SMITH = {"drops": [0.3, 0.6, 0.8], "cap": 0.1024}  # of CIFAR-10's 50,000 images: 5,120


def fleet(schedule, m=8, updates=None, examples=None, train=1000, **others):
    about = {
        "schedule": {"name": "step", "drops": [], "factor": 0.1} | schedule,
        "batch_size": m,
        "updates": updates,
    }
    return about | {"examples": examples, "dataset": {"sizes": {"train": train}}} | others


@given(numbers, numbers, st.integers(1, 64))
def test_an_epoch_ends_at_the_first_update_that_reaches_it_and_the_last_with_the_budget(
    updates, train_size, m
):
    ends = epoch_ends(phases_of(fleet({}, m, updates)), train_size)
    assert ends[-1] == (math.ceil(updates * m / train_size), updates)
    assert all(one < two for (_, one), (_, two) in itertools.pairwise(ends))
    for epoch, update in ends[:-1]:
        assert update * m >= epoch * train_size > (update - 1) * m


@given(st.integers(1, 500), drops)
def test_the_rate_drops_at_its_fractions_of_the_budget_and_never_rises(updates, drops):
    factors = rate_factors(
        one := fleet({"drops": drops}, updates=updates), phases_of(one), 0, updates
    )
    assert all(a >= b for a, b in itertools.pairwise(factors))
    for i, drop in enumerate(drops):
        first = math.ceil(drop * updates)
        if first < updates:
            assert factors[first] == pytest.approx(
                0.1 ** sum(other * updates <= first for other in drops)
            )
            assert first == 0 or factors[first - 1] > 0.1 ** (i + 1) * 0.99


def test_a_cosine_falls_from_one_to_nearly_zero_and_is_half_way_in_the_middle():
    factors = [rate_factor({"name": "cosine"}, u, 100) for u in range(100)]
    assert factors[0] == 1 and factors[50] == pytest.approx(0.5) and factors[99] < 0.001
    assert all(a > b for a, b in itertools.pairwise(factors))


def test_a_warm_up_rises_in_a_line_from_a_thirty_second_and_drops_count_from_the_start_of_the_budget():
    schedule = {"name": "step", "drops": [0.5], "factor": 0.1, "warmup": 0.1, "warmup_from": 1 / 32}
    factors = [rate_factor(schedule, u, 100) for u in range(100)]
    assert (
        factors[0] == 1 / 32
        and factors[10] == 1
        and factors[49] == 1
        and factors[50] == pytest.approx(0.1)
    )
    assert factors[5] == pytest.approx(0.5 + 1 / 64)
    assert {round(b - a, 12) for a, b in itertools.pairwise(factors[:11])} == {round(31 / 320, 12)}


@pytest.mark.parametrize("others", [{}, {"drops": [0.5], "factor": 0.1}, {"warmup": 0.1}])
def test_an_unknown_schedule_is_trained_as_no_other(others):
    said = r"^schedule.name: 'one-cycle' is not a schedule; write constant, step, .*gradient-noise or cabs$"
    with pytest.raises(ValueError, match=said):
        rate_factor({"name": "one-cycle"} | others, 0, 100)
    with pytest.raises(ValueError, match=said):
        rate_factors(one := fleet({"name": "one-cycle"}, updates=9), phases_of(one), 0, 9)


def test_a_cosine_begins_after_its_warm_up():
    factors = [rate_factor({"name": "cosine", "warmup": 0.2}, u, 100) for u in range(100)]
    assert factors[0] == 0 and factors[20] == 1 and factors[60] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "schedule", "m", "updates"),
    [
        ("decay", {"name": "step", "factor": 0.2}, 128, 78_125),
        ("increase", {"name": "increase-batch", "factor": 5}, 128, 29_141),
        ("larger rate", {"name": "increase-batch", "factor": 5}, 640, 6_406),
        ("larger momentum", {"name": "increase-batch", "factor": 5}, 3200, 2_305),
    ],
)
def test_the_updates_of_smiths_table_at_50000_images_and_200_epochs(name, schedule, m, updates):
    """Smith et al. 2018, section 5.2: about 80,000, 29,000, under 6,500 and under 2,500."""
    found, examples = updates_planned(SMITH | schedule, "epochs:200", m, 128, 50_000)
    assert abs(found - updates) <= 1
    assert examples in (None, 10_000_000)


def test_where_the_cap_cuts_an_increase_off_the_rest_of_the_factor_divides_the_rate():
    """3,200 -> 5,120 is 1.6 of 5: the noise scale g = εN/(B(1 - momentum)) follows that of the step
    schedule."""
    grown = fleet(
        SMITH | {"name": "increase-batch", "factor": 5}, 128, examples=10_000_000, train=50_000
    )
    phases = phases_of(grown)
    assert [phase.batch_size for phase in phases] == [128, 640, 3200, 5120]
    assert [phase.factor for phase in phases] == pytest.approx([1, 1, 1, 1.6 / 5])
    noise = [phase.factor / phase.batch_size for phase in phases]
    assert noise == pytest.approx([1 / 128 / 5**k for k in range(4)])


def test_hybrid_increases_once_and_then_divides_the_rate():
    schedule = SMITH | {"name": "increase-batch", "factor": 5, "increases": 1}
    phases = phases_of(fleet(schedule, 128, examples=10_000_000, train=50_000))
    assert [phase.batch_size for phase in phases] == [128, 640, 640, 640]
    assert [phase.factor for phase in phases] == pytest.approx([1, 1, 1 / 5, 1 / 25])


sizes = st.integers(1, 40)


@given(
    sizes,
    st.floats(1.5, 6),
    drops,
    st.integers(1, 8),
    st.integers(20, 400),
    st.floats(0.05, 1.0),
    st.integers(1, 9),
)
def test_a_growing_batch_keeps_its_budget_its_cap_and_whole_chunks(
    unit, factor, drops, chunks, train, cap, epochs
):
    m = unit * chunks
    assume(m <= int(cap * train / unit) * unit)
    schedule = {"name": "increase-batch", "drops": drops, "factor": factor, "cap": cap}
    phases = phases_of(fleet(schedule, m, examples=epochs * train, train=train, bn_batch_size=unit))
    assert phases[0].first == 0 and phases[0].examples == 0
    for one, two in itertools.pairwise(phases):
        assert (two.first, two.examples) == (one.stop, one.end) and two.batch_size >= one.batch_size
    assert all(
        s.stop > s.first and s.batch_size % unit == 0 and m <= s.batch_size <= cap * train + 1e-6
        for s in phases
    )
    last = phases[-1]
    assert (
        last.end
        <= epochs * train
        < last.end + max(last.batch_size, largest_batch(schedule, unit, train))
    )
    updates = last.stop
    assert examples_at(phases, updates) == last.end and examples_at(phases, 0) == 0
    ends = epoch_ends(phases, train)
    assert ends[-1] == (math.ceil(last.end / train), updates)
    for epoch, update in ends[:-1]:
        assert examples_at(phases, update) >= epoch * train > examples_at(phases, update - 1)
    pieces = phases_between(phases, updates // 3, updates)
    assert sum(s.stop - s.first for s in pieces) == updates - updates // 3
    assert not pieces or pieces[0].examples == examples_at(phases, updates // 3)


def test_a_budget_in_updates_is_refused_where_the_schedule_chooses_how_many_examples_one_has():
    for name in ("increase-batch", "ba-sgd"):
        with pytest.raises(
            ValueError, match=r"updates:9 says nothing of examples.*write epochs:E or examples:X"
        ):
            updates_planned({"name": name, "drops": [], "factor": 5}, "updates:9", 8, 1, 100)


def test_a_budget_in_which_a_grown_batch_finds_no_place_is_refused():
    """Two epochs of 1,000 from 8, times 5 three times: after the last drop 400 examples are left,
    for a batch of 1,000."""
    schedule = {"name": "increase-batch", "drops": [0.3, 0.6, 0.8], "factor": 5}
    with pytest.raises(
        ValueError,
        match=r"epochs:2 is too short for 8 examples that grow by 5 at \[0.3, 0.6, 0.8\]",
    ):
        updates_planned(schedule, "epochs:2", 8, 1, 1000)
    assert updates_planned(schedule | {"cap": 0.3}, "epochs:2", 8, 1, 1000)[0] > 0


def test_a_timetable_has_every_update_in_one_epoch_and_scores_the_last_and_the_named_ones():
    grown = fleet(
        SMITH | {"name": "increase-batch", "factor": 5}, 128, examples=10_000_000, train=50_000
    )
    timetable = Timetable.of(grown | {"evaluation": {"epochs": [3]}}, 50_000)
    epochs = timetable.epochs
    assert epochs[0].start == 0 and epochs[-1].end == timetable.updates == timetable.phases[-1].stop
    assert all(one.end == two.start for one, two in itertools.pairwise(epochs))
    assert [epoch.number for epoch in epochs if epoch.is_final] == list(range(189, 201))
    assert [epoch.number for epoch in epochs if epoch.is_scored] == [3, *range(189, 201)]
    assert epochs[0].batch_size == 128 and epochs[-1].batch_size == timetable.largest_batch == 5120
    assert [epoch.examples >= 50_000 * epoch.number for epoch in epochs[:-1]] == [True] * (
        len(epochs) - 1
    )


def test_the_rates_of_a_timetable_are_those_of_each_replica_at_each_update():
    timetable = Timetable.of(
        fleet({"drops": [0.5], "factor": 0.1}, 8, 4) | {"evaluation": {"epochs": []}}, 16
    )
    assert timetable.rates([0.5, 0.25], 1, 3) == pytest.approx(np.array([[4.0, 2.0], [0.4, 0.2]]))
