"""The course of the best learning rate over batch sizes: a power of m, a rate that saturates, or
interpolation between neighbours, chosen by how well each predicts a batch size that is left out.

All arrays are log2 of the batch size and of the best η.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

POWER, SATURATING, NEIGHBOURS = "power", "saturating", "neighbours"
LACK = 0.05  # a power law with a lack of fit below this p value is not used
STEPS = 8  # knots per octave of a curve

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Course:
    """The chosen curve as knots, between which it is linear in log2."""

    shape: str
    sizes: np.ndarray
    rates: np.ndarray
    error: float  # root mean square of the errors for sizes that were left out, in octaves
    half: float  # half of the 95% prediction interval, in octaves


def course(sizes: np.ndarray, tops: np.ndarray, lack: float) -> Course:
    """The curve through ascending `sizes` (at least three) that predicts left-out inner ones best;
    no power law if the p value `lack` of its lack of fit is too small."""
    kinds = dict(KINDS)
    if lack < LACK:
        del kinds[POWER]
    if len(sizes) < 4:  # without one of three, two are left: nothing but a line
        kinds = {NEIGHBOURS: neighbours}
    errors = {kind: left_out(fit, sizes, tops) for kind, fit in kinds.items()}
    squares = {kind: round(float((one**2).mean()), 12) for kind, one in errors.items()}
    shape = min(squares, key=squares.__getitem__)
    knots = np.linspace(sizes[0], sizes[-1], int(STEPS * (sizes[-1] - sizes[0])) + 1)
    knots = sizes if shape == NEIGHBOURS else sizes[[0, -1]] if shape == POWER else knots
    error = squares[shape] ** 0.5
    half = float(special.stdtrit(len(sizes) - 2, 0.975)) * error
    return Course(shape, knots, kinds[shape](sizes, tops)(knots), error, half)


def at(found: Course, size: float) -> float | None:
    """log2 of the rate at a size, None beyond the sizes measured."""
    if not found.sizes[0] - 1e-9 <= size <= found.sizes[-1] + 1e-9:
        return None
    return float(np.interp(size, found.sizes, found.rates))


def left_out(fit: Callable, sizes: np.ndarray, tops: np.ndarray) -> np.ndarray:
    """The errors of predictions of each inner size by a curve through the others."""
    return np.array([predicted_without(fit, sizes, tops, i) - tops[i] for i in _inner(sizes)])


def predicted_without(fit: Callable, sizes: np.ndarray, tops: np.ndarray, i: int) -> float:
    kept = np.arange(len(sizes)) != i
    return float(fit(sizes[kept], tops[kept])(sizes[i : i + 1])[0])


def _inner(sizes: np.ndarray) -> range:
    return range(1, len(sizes) - 1)


def line(sizes: np.ndarray, tops: np.ndarray) -> Curve:
    slope, constant = np.polyfit(sizes, tops, 1)
    return lambda x: constant + slope * x


def neighbours(sizes: np.ndarray, tops: np.ndarray) -> Curve:
    return lambda x: np.interp(x, sizes, tops)


def saturating(sizes: np.ndarray, tops: np.ndarray) -> Curve:
    """η = η∞/(1 + m_c/m): in proportion to m while m is small, constant where it is large."""
    limit, size = saturation(sizes, tops)
    return lambda x: limit - np.log2(1 + 2 ** (size - x))


def saturation(sizes: np.ndarray, tops: np.ndarray) -> tuple[float, float]:
    """log2 of η∞ and of m_c, by least squares."""
    tried = np.arange(sizes[0] - 4, sizes[-1] + 4, 0.02)
    rise = -np.log2(1 + 2 ** (tried[:, None] - sizes))
    limits = (tops - rise).mean(1)
    best = int((((tops - rise) - limits[:, None]) ** 2).sum(1).argmin())
    return float(limits[best]), float(tried[best])


KINDS: dict[str, Callable] = {POWER: line, SATURATING: saturating, NEIGHBOURS: neighbours}


def lack_of_fit(sizes: np.ndarray, tops: np.ndarray, least: np.ndarray) -> float:
    """p value of the curvature of `tops`: of a term in the square of log2 m beside a line.

    `least` is a variance of each top that its own scatter may not go below. NaN for fewer than four
    sizes.
    """
    n = len(sizes)
    if n < 4:
        return float("nan")
    design = np.stack([np.ones(n), sizes, sizes**2], 1)
    weights = np.linalg.pinv(design)
    fitted = weights @ tops
    scatter = float(((tops - design @ fitted) ** 2).sum() / (n - 3))
    variance = float(weights[2] ** 2 @ np.maximum(least, scatter))
    return float(2 * special.stdtr(n - 3, -abs(fitted[2]) / np.sqrt(variance)))
