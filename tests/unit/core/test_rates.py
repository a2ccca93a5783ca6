import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallbatch.core.rates import format_rate, parse_rates, rate_text


@given(st.floats(1e-12, 1e6))
def test_a_written_rate_reads_back_as_the_same_float(rate):
    assert parse_rates([format_rate(rate)], "key") == [rate]


def test_numbers_powers_and_ranges_of_octaves():
    assert parse_rates(["2**-3", 0.01, "1e-3", "2**-2..2**0"], "key") == [
        0.125,
        0.01,
        0.001,
        0.25,
        0.5,
        1.0,
    ]
    assert [format_rate(rate) for rate in (2.0**-8, 1.0, 0.1)] == ["2**-8", "2**0", "0.1"]
    assert rate_text(2.0**-10) == "2⁻¹⁰"


@pytest.mark.parametrize("value", [0, -1, "abc", True, None, "2**-3..2**-5", float("inf"), "nan"])
def test_what_is_no_rate_is_refused_with_the_key(value):
    with pytest.raises(ValueError, match=r"^grid\.base_lr: "):
        parse_rates([value], "grid.base_lr")
