"""Learning rates as text: parsing those of a config and formatting them for readers.

A rate in a config is a number (``0.01``), a power of two (``2**-8``) or a range of octaves, both
ends included (``2**-10..2**-4``).
"""

import math
import re
from collections.abc import Iterable
from typing import Any

_POWER = r"2\*\*(-?\d+)"


def parse_rates(values: Iterable[Any], key: str) -> list[float]:
    """The rates given by the entries of a config list, in the same order.

    Raises ValueError, naming `key`, for anything but a positive finite number, a power or a range.
    """
    rates = []
    for value in values:
        span = re.fullmatch(rf"{_POWER}\.\.{_POWER}", str(value).strip())
        if span:
            low, high = int(span[1]), int(span[2])
            if low > high:
                raise ValueError(
                    f"{key}: the range {value} runs backwards; write the smaller end first"
                )
            rates += [2.0**exponent for exponent in range(low, high + 1)]
        else:
            rates.append(_parse_rate(value, key))
    return rates


def _parse_rate(value: Any, key: str) -> float:
    power = re.fullmatch(_POWER, str(value).strip())
    try:
        rate = 2.0 ** int(power[1]) if power else float(value)
    except (TypeError, ValueError, OverflowError):
        rate = math.nan
    if isinstance(value, bool) or not (math.isfinite(rate) and rate > 0):
        raise ValueError(
            f"{key}: {value!r} is not a learning rate; write a positive number such as 0.01, "
            "a power such as 2**-8 or a range such as 2**-10..2**-4"
        )
    return rate


def format_rate(rate: float) -> str:
    """``2**-8`` for a power of two, else the shortest decimal that parses to the same float."""
    mantissa, exponent = math.frexp(rate)
    return f"2**{exponent - 1}" if mantissa == 0.5 else repr(float(rate))


def rate_text(rate: float) -> str:
    """The rate in a sentence: ``2⁻⁸`` for a power of two, else as `format_rate`."""
    return re.sub(
        r"\*\*(-?\d+)",
        lambda power: power[1].translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")),
        format_rate(rate),
    )


def rate_label(rate: float) -> str:
    """The rate in a figure (matplotlib's math text): a power of two, or else three digits."""
    mantissa, exponent = math.frexp(rate)
    return f"$2^{{{exponent - 1}}}$" if mantissa == 0.5 else f"{rate:.3g}"
