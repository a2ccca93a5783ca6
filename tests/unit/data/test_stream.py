import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smallbatch.data.stream import permutation, stream

sizes = st.integers(1, 40)


@given(sizes, st.integers(0, 5), st.integers(0, 200), st.integers(0, 200))
def test_a_slice_of_the_stream_is_the_same_whatever_batches_it_is_read_in(
    size, seed, start, length
):
    whole = stream(seed, size, 0, start + length)
    assert np.array_equal(stream(seed, size, start, start + length), whole[start:])


@given(sizes, st.integers(0, 5), st.integers(0, 4))
def test_every_epoch_holds_every_example_once(size, seed, epoch):
    assert sorted(stream(seed, size, epoch * size, (epoch + 1) * size)) == list(range(size))


def test_seeds_and_epochs_have_orders_of_their_own():
    orders = {tuple(permutation(seed, epoch, 50)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
