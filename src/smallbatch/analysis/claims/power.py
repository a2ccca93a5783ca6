"""How many seeds and test images decide a claim with a chance of 80%, if the difference and its
variance stay as measured."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from smallbatch.analysis.claims.verdict import UNDECIDED, Rule
from smallbatch.analysis.effect import Effect, quantile

CHANCE = 0.8
MOST_SEEDS, MOST_IMAGES = 1000, 1_000_000  # above these, a number is not a practical answer


@dataclass(frozen=True)
class Needed:
    """Seeds and test images that together decide with a chance of CHANCE."""

    seeds: int
    images: int  # 0 if the effect is not an accuracy
    # The seeds at the ends of the 80% interval of the variance over seeds, if only seeds are added.
    span: tuple[int, int | None] | None = None


def chance(rule: Rule, effect: Effect, seeds: int, images: int, alpha: float) -> float:
    """The probability of the verdict that `effect.estimate` gives without uncertainty, with other
    numbers of seeds and images, at level `alpha`."""
    verdict = rule.settled(effect.estimate)
    error, df = _error(effect, seeds, images)
    if verdict == UNDECIDED or not error > 0:
        return float(verdict != UNDECIDED)
    half = quantile(df, 1 - alpha / rule.sides) * error
    low, high = rule.estimates(verdict, half, effect.estimate)
    if low >= high:
        return 0.0
    return _below(df, (high - effect.estimate) / error) - _below(
        df, (low - effect.estimate) / error
    )


def needed(rule: Rule, effect: Effect, alpha: float, start: int) -> Needed | None:
    """The seeds (from `start`) at the present images or, if no number of seeds is enough there, the
    pair of seeds and images with the least product; None if there is none up to MOST."""
    if not effect.known or effect.alike:
        return None
    alone = _seeds(rule, effect, alpha, start)
    if alone is not None:
        free = effect.seeds - 1
        low, high = (
            _seeds(rule, _with(effect, effect.by_seeds * free / bound), alpha, start)
            for bound in (special.chdtri(free, 0.1), special.chdtri(free, 0.9))
        )
        return Needed(alone, effect.examples, (min(low or alone, alone), high))
    if not effect.examples:
        return None
    pairs = [
        Needed(seeds, images)
        for seeds in np.unique(np.geomspace(start, MOST_SEEDS, 40).round().astype(int)).tolist()
        if (images := images_with(rule, effect, alpha, seeds)) is not None
    ]
    return min(pairs, key=lambda pair: pair.seeds * pair.images, default=None)


def images_with(rule: Rule, effect: Effect, alpha: float, seeds: int) -> int | None:
    """The test images that decide with this number of seeds, or None."""
    low, high = effect.examples, MOST_IMAGES
    if chance(rule, effect, seeds, high, alpha) < CHANCE:
        return None
    while low < high:
        middle = (low + high) // 2
        if chance(rule, effect, seeds, middle, alpha) < CHANCE:
            low = middle + 1
        else:
            high = middle
    return low


def _seeds(rule: Rule, effect: Effect, alpha: float, start: int) -> int | None:
    tried = range(max(start, 2), MOST_SEEDS + 1)
    return next(
        (n for n in tried if chance(rule, effect, n, effect.examples, alpha) >= CHANCE), None
    )


def _error(effect: Effect, seeds: int, images: int) -> tuple[float, float]:
    """The standard error with other numbers of seeds and images, and its degrees of freedom (as in
    `effect.two_way`)."""
    if not effect.examples:
        return math.sqrt(max(effect.by_seeds / seeds, effect.floor)), seeds - 1
    of_seed = max(effect.by_seeds - effect.residual / effect.examples, 0.0)
    seed = images * of_seed + effect.residual
    example = seeds * effect.by_examples + effect.residual
    both = seed + example - effect.residual
    if not both > 0:
        return 0.0, math.inf
    terms = (
        (seed, seeds - 1),
        (example, images - 1),
        (effect.residual, (seeds - 1) * (images - 1)),
    )
    df = both**2 / sum(mean**2 / free for mean, free in terms)
    return math.sqrt(both / (seeds * images)), df


def _with(effect: Effect, by_seeds: float) -> Effect:
    return dataclasses.replace(effect, by_seeds=by_seeds)


def _below(df: float, value: float) -> float:
    if math.isinf(value):
        return float(value > 0)
    return float(special.ndtr(value) if math.isinf(df) else special.stdtr(df, value))
