import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallbatch.schedules.budget import epoch_ends, final_epochs, updates_in
from smallbatch.schedules.step import factor_at

numbers = st.integers(1, 300)


@given(numbers, st.integers(1, 20), st.integers(1, 64))
def test_epochs_and_examples_are_rounded_down_to_whole_updates(train_size, epochs, m):
    if epochs * train_size < m:
        with pytest.raises(ValueError, match="holds no whole batch"):
            updates_in(f"epochs:{epochs}", m, train_size)
        return
    updates = updates_in(f"epochs:{epochs}", m, train_size)
    assert updates == updates_in(f"examples:{epochs * train_size}", m, train_size)
    assert updates * m <= epochs * train_size < (updates + 1) * m


@given(numbers, numbers, st.integers(1, 64))
def test_an_epoch_ends_at_the_first_update_that_reaches_it_and_the_last_with_the_budget(updates, train_size, m):
    ends = epoch_ends(updates, m, train_size)
    assert ends[-1] == (math.ceil(updates * m / train_size), updates)
    assert all(one < two for (_, one), (_, two) in itertools.pairwise(ends))
    for epoch, update in ends[:-1]:
        assert update * m >= epoch * train_size > (update - 1) * m


@pytest.mark.parametrize("budget", ["epochs", "epochs:0", "epochs:2.5", "days:3", "updates:-1", ""])
def test_what_is_no_budget_is_refused(budget):
    with pytest.raises(ValueError, match="is not a budget; write epochs:E"):
        updates_in(budget, 2, 10)


def test_final_epochs_are_the_last_six_percent_but_at_least_one():
    assert [len(final_epochs(list(range(1, n + 1)))) for n in (1, 10, 33, 34, 82, 160)] == [1, 1, 1, 2, 4, 9]


@given(st.integers(1, 500), st.lists(st.floats(0.01, 0.99), max_size=3, unique=True).map(sorted))
def test_the_rate_drops_at_its_fractions_of_the_budget_and_never_rises(updates, drops):
    factors = [factor_at(u, updates, drops, 0.1) for u in range(updates)]
    assert all(a >= b for a, b in itertools.pairwise(factors))
    for i, drop in enumerate(drops):
        first = math.ceil(drop * updates)
        if first < updates:
            assert factors[first] == pytest.approx(0.1 ** sum(other * updates <= first for other in drops))
            assert first == 0 or factors[first - 1] > 0.1 ** (i + 1) * 0.99
