"""A measured difference with its uncertainty over seeds and test examples (two-way), or over seeds
only."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special


@dataclass(frozen=True)
class Effect:
    """A mean difference and the components of its variance, in one unit (points of test accuracy,
    octaves, logarithms).

    ``variance`` is the variance of `estimate`, with `df` degrees of freedom. With S seeds it is
    ``by_seeds / S + floor`` (without test images, the larger of the two terms).
    ``by_examples / examples`` is the part of `floor` that comes from the test images, ``residual``
    the part of `by_seeds` that comes from single predictions (0 without test images).
    """

    estimate: float
    variance: float
    df: float
    seeds: int
    by_seeds: float
    floor: float
    examples: int = 0
    by_examples: float = 0.0
    residual: float = 0.0
    bootstrap: tuple[float, float] | None = None  # 95% percentile interval, the cross-check
    # The effect with the seed of the lowest difference counted twice, and with that of the highest.
    tails: tuple["Effect", "Effect"] | None = None

    @property
    def error(self) -> float:
        return math.sqrt(self.variance)

    @property
    def alike(self) -> bool:
        """True if no prediction differs; then only a binomial bound from the number of images is
        possible."""
        return self.variance == 0 and self.examples > 0

    @property
    def known(self) -> bool:
        return math.isfinite(self.variance) and math.isfinite(self.estimate)

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided t interval at a confidence level such as 0.95.

        If no prediction differs on n images: the binomial bound, 100 (1 - a^(1/n)) points at
        one-sided level a.
        """
        if self.alike:
            half = 100 * (1 - ((1 - level) / 2) ** (1 / self.examples))
        else:
            half = quantile(self.df, (1 + level) / 2) * self.error if self.variance else 0.0
        return self.estimate - half, self.estimate + half

    def p_above(self, bound: float) -> float:
        """One-sided p value against "the difference is `bound` or less"."""
        return self._p(bound - self.estimate)

    def p_below(self, bound: float) -> float:
        """One-sided p value against "the difference is `bound` or more"."""
        return self._p(self.estimate - bound)

    def _p(self, short: float) -> float:
        if self.alike and short < 0:
            return max(1 + short / 100, 0.0) ** self.examples
        if not self.variance:
            return 0.0 if short < 0 else 1.0
        return float(special.stdtr(self.df, short / self.error))


def quantile(df: float, p: float) -> float:
    """Quantile of Student's t distribution; of the normal distribution if `df` is infinite."""
    return float(special.ndtri(p) if math.isinf(df) else special.stdtrit(df, p))


def paired(values: np.ndarray, floor: float = 0.0) -> Effect:
    """The mean of one difference per seed ``[seeds]``, with a variance of at least `floor`."""
    seeds = len(values)
    if not seeds:
        return Effect(math.nan, math.nan, 1, 0, math.nan, floor)
    spread = float(np.var(values, ddof=1)) if seeds > 1 else math.nan
    variance = max(spread / seeds, floor) if seeds > 1 else math.nan
    return Effect(float(np.mean(values)), variance, max(seeds - 1, 1), seeds, spread, floor)


def two_way(difference: np.ndarray, bootstrap: bool = False) -> Effect:
    """The mean of differences ``[seeds, examples]`` (of correctness in percent), with seeds and
    examples as random effects (a two-way random-effects model).

    V = max(MS_seed + MS_example - MS_residual, MS_seed, MS_example) / (seeds · examples), with
    degrees of freedom by Satterthwaite. Intervals over seeds only do not cover new test images:
    they are too short.
    """
    seeds, examples = difference.shape
    if not difference.size:
        return Effect(math.nan, math.nan, 1, seeds, math.nan, math.nan, examples)
    if seeds < 2 or examples < 2:
        estimate = float(difference.mean())
        return Effect(estimate, math.nan, 1, seeds, math.nan, math.nan, examples)
    values = difference.astype(float)
    mean, by_seed, by_example = values.mean(), values.mean(1), values.mean(0)
    free = (seeds - 1, examples - 1, (seeds - 1) * (examples - 1))
    sum_seed = examples * ((by_seed - mean) ** 2).sum()
    sum_example = seeds * ((by_example - mean) ** 2).sum()
    sum_residual = max(((values - mean) ** 2).sum() - sum_seed - sum_example, 0.0)
    ms_seed, ms_example, ms_residual = (
        float(total / df)
        for total, df in zip((sum_seed, sum_example, sum_residual), free, strict=True)
    )
    both = ms_seed + ms_example - ms_residual
    largest = max(both, ms_seed, ms_example)
    if largest == 0:
        df = math.inf
    elif largest == both:
        df = both**2 / (ms_seed**2 / free[0] + ms_example**2 / free[1] + ms_residual**2 / free[2])
    else:
        df = free[0] if largest == ms_seed else free[1]
    # The variance component of examples; negative estimates are set to zero.
    of_example = max(ms_example - ms_residual, 0.0) / seeds
    return Effect(
        estimate=float(mean),
        variance=largest / (seeds * examples),
        df=df,
        seeds=seeds,
        by_seeds=ms_seed / examples,
        floor=of_example / examples,
        examples=examples,
        by_examples=of_example,
        residual=ms_residual,
        bootstrap=percentile_bootstrap(values) if bootstrap and largest else None,
    )


def with_tails(values: np.ndarray, of: Callable[[np.ndarray], Effect]) -> Effect:
    """The effect of differences ``[seeds, ...]`` by `two_way` or `paired`, with ``tails``.

    Near the largest learning rate that trains, one seed in a hundred falls far below the others. A
    sample that lacks it has too high a mean and too narrow an interval, and neither a trimmed mean
    nor BCa sees that. A verdict that one more seed like the worst one would change is not safe.
    """
    effect = of(values)
    if not len(values):
        return effect
    by_seed = values.reshape(len(values), -1).mean(1)
    low, high = (
        replace(of(np.concatenate([values, values[[seed]]])), seeds=effect.seeds)
        for seed in (by_seed.argmin(), by_seed.argmax())
    )
    return replace(effect, tails=(low, high))


def percentile_bootstrap(values: np.ndarray, resamples: int = 1000) -> tuple[float, float]:
    """95% percentile interval of the mean, with both seeds and examples resampled."""
    seeds, examples = values.shape
    rng = np.random.default_rng(0)
    rows = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    over_seeds = rows @ values
    means = np.empty(resamples)
    for i in range(resamples):
        drawn = rng.integers(0, examples, examples)
        means[i] = over_seeds[i, drawn].mean()
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
