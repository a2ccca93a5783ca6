"""Rules that choose the batch size during training, from moments of the per-example gradients.

Every update accumulates blocks of m0 examples until its rule requires no more. For the m examples
so far, with mean loss s, mean gradient f and the diagonal Σ of the unbiased covariance of
per-example gradients, a rule receives

    f2 = f·f      mu = f·p      trace = Σ_j Σ_jj      sigma2 = Σ_j f_j² Σ_jj

where p = momentum·v + f is the direction of the step (f without momentum).

`ba-sgd` (Yin, Luo & Nakamura 2017; with momentum Yao et al.): the loss after the step is normal
with mean s - ημ and standard deviation ησ/√m, reflected at zero; m* maximizes the expected decrease
per example. Stop at m ≥ m*. (Like the papers, it uses f·f for the square of the true gradient,
which f·f exceeds by trace/m on average: drifts are too large at first.) `gradient-noise`
(McCandlish et al. 2018, arXiv 1812.06162): m near the simple noise scale tr Σ / |G|². `cabs`
(Balles, Romero & Hennig 2017, arXiv 1612.05086): m = η tr Σ / s. The last two choose m for the next
update, from averages over past updates.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from smallbatch.core.records import ScheduleSettings

# Default decay of the averages: the weight of the old average in an update. Unverified for cabs.
SMOOTHING = 0.95


class Moments(NamedTuple):
    """Statistics of the `m` examples that an update has accumulated; the input of a rule."""

    m: int
    loss: float
    f2: float
    mu: float
    trace: float
    sigma2: float


class Average(NamedTuple):
    """Exponential averages of two numbers over updates, with the sum of their weights so far."""

    first: float = 0.0
    second: float = 0.0
    weight: float = 0.0

    def with_values(self, first: float, second: float, keep: float) -> "Average":
        new = 1 - keep
        return Average(
            keep * self.first + new * first,
            keep * self.second + new * second,
            keep * self.weight + new,
        )


def wanted(schedule: ScheduleSettings, seen: Moments, average: Average, lr: float) -> float:
    """The number of examples for the current update at learning rate `lr`; inf for the most
    allowed."""
    return RULES[schedule["name"]].wanted(schedule, seen, average, lr)


def averaged(schedule: ScheduleSettings, seen: Moments, average: Average) -> Average:
    """The averages after an update."""
    averages = RULES[schedule["name"]].averages
    return (
        average.with_values(*averages(seen), schedule.get("smoothing", SMOOTHING))
        if averages
        else average
    )


class Rule(NamedTuple):
    """The function that chooses an update's number of examples, and the numbers that are averaged
    over updates for it."""

    wanted: Callable[[ScheduleSettings, Moments, Average, float], float]
    averages: Callable[[Moments], tuple[float, float]] | None = None


def _ba_sgd(schedule: ScheduleSettings, seen: Moments, average: Average, lr: float) -> float:
    return best_batch(seen.loss, lr * seen.mu, lr * math.sqrt(max(seen.sigma2, 0.0)))


def _gradient_noise(
    schedule: ScheduleSettings, seen: Moments, average: Average, lr: float
) -> float:
    if not average.weight:  # the first update: one block
        return 0.0
    scale = schedule.get("scale") or 1.0
    return scale * average.first / average.second if average.second > 0 else math.inf


def _cabs(schedule: ScheduleSettings, seen: Moments, average: Average, lr: float) -> float:
    if not average.weight:
        return 0.0
    return lr * average.first / average.second if average.second > 0 else math.inf


# To add one: its function, a line here, and an entry in `registry.py`.
RULES = {
    "ba-sgd": Rule(_ba_sgd),
    # |f|² exceeds |G|² by tr Σ / m on average
    "gradient-noise": Rule(
        _gradient_noise, lambda seen: (seen.trace, seen.f2 - seen.trace / seen.m)
    ),
    "cabs": Rule(_cabs, lambda seen: (seen.trace, seen.loss)),
}


def expected_loss(m: float, s: float, drift: float, deviation: float) -> float:
    """E_m: the expected loss after a step with m examples, reflected at zero.

    The loss is normal with mean ``s - drift`` and standard deviation ``deviation/√m`` (η·μ and η·σ
    of the paper).
    """
    mean, spread = s - drift, deviation / math.sqrt(m)
    a = mean / spread
    return mean * math.erf(a / math.sqrt(2)) + spread * math.sqrt(2 / math.pi) * math.exp(
        -a * a / 2
    )


def best_batch(s: float, drift: float, deviation: float) -> float:
    """m* = argmax over m of (s - E_m)/m; inf where no m decreases the loss.

    With q = drift/s and a = |s - drift|·√m/deviation, the maximum satisfies erf(a/√2) + 3φ(a)/a =
    1/|1 - q|, which has one solution for 0 < q < 2; outside this range every m increases the loss.
    """
    if not 0 < drift < 2 * s:  # also for NaN
        return math.inf
    if deviation == 0:
        return 1.0
    left = abs(1 - drift / s)
    if left < 1e-6:  # the limit q -> 1: a ≈ 3φ(0)·left
        return (3 / math.sqrt(2 * math.pi) * deviation / s) ** 2
    return (_stationary(1 / left) * deviation / (s * left)) ** 2


def _stationary(value: float) -> float:
    """Solve erf(a/√2) + 3φ(a)/a = value for a > 0, with value > 1.

    The left side is convex and decreases from infinity to 1, so Newton's method, started to the
    left of the solution, never overshoots.
    """
    a = 1.0 if value < 1.4 else 1 / value
    for _ in range(100):
        density = math.exp(-a * a / 2) / math.sqrt(2 * math.pi)
        step = (math.erf(a / math.sqrt(2)) + 3 * density / a - value) / (
            density * (1 + 3 / (a * a))
        )
        a += step
        if step <= 1e-13 * a:
            break
    return a
