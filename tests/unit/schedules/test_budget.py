import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallbatch.schedules.budget import final_epochs, updates_in

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


@pytest.mark.parametrize("budget", ["epochs", "epochs:0", "epochs:2.5", "days:3", "updates:-1", ""])
def test_what_is_no_budget_is_refused(budget):
    with pytest.raises(ValueError, match="is not a budget; write epochs:E"):
        updates_in(budget, 2, 10)


def test_final_epochs_are_the_last_six_percent_but_at_least_one():
    assert [len(final_epochs(list(range(1, n + 1)))) for n in (1, 10, 33, 34, 82, 160)] == [
        1,
        1,
        1,
        2,
        4,
        9,
    ]
