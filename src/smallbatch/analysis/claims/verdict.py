"""From effects to verdicts (supported, too small to matter, contradicted, undecided), with Holm's
correction over all claims of a study.

A claim has one effect for each rival. It is *supported* if all effects support it, and
*contradicted* or *too small to matter* if one effect is, corrected for their number (or if the one
named in advance is). Verdict and interval of a claim use the same level.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from statsmodels.stats.multitest import multipletests

from smallbatch.analysis.effect import Effect
from smallbatch.analysis.measured import Fix

ALPHA = 0.05  # significance level for all claims of a study together
# Before the planned number of seeds: tests at 5, 10, ... 30 seeds with level 0.05 would give 16%
# false positives.
INTERIM = 0.001
LATER = 0.01  # after the planned number of seeds: another test of the same claim


SUPPORTED, SMALL, CONTRADICTED, UNDECIDED = VERDICTS = (
    "supported",
    "too small to matter",
    "contradicted",
    "undecided",
)


@dataclass(frozen=True)
class Rule:
    """The ranges of an effect's interval that give each verdict.

    Supported: above `above` (and below `below`), with an estimate of at least `least`.
    Contradicted: below `under` or above `over`. Too small to matter: within ± `small`.
    """

    above: float
    least: float
    under: float
    below: float = math.inf
    over: float = math.inf
    small: float = 0.0  # 0: no effect is too small to matter
    # 2: the interval has level 1 - α; 1 (one-sided tests, such as TOST): 1 - 2α.
    sides: int = 2

    def p_supported(self, effect: Effect) -> float:
        below = effect.p_below(self.below) if math.isfinite(self.below) else 0.0
        return self.sides * max(effect.p_above(self.above), below)

    def p_contradicted(self, effect: Effect) -> float:
        over = effect.p_above(self.over) if math.isfinite(self.over) else 1.0
        return self.sides * min(effect.p_below(self.under), over)

    def p_small(self, effect: Effect) -> float:
        if not self.small:
            return 1.0
        return self.sides * max(effect.p_above(-self.small), effect.p_below(self.small))

    def slack(self, effect: Effect, level: float) -> float:
        """Distance of the interval's ends from the bounds of support (negative: outside)."""
        low, high = effect.interval(level)
        return min(low - self.above, self.below - high)

    def settled(self, estimate: float) -> str:
        """The verdict if the interval shrinks to `estimate`."""
        return next(
            (v for v in VERDICTS[:3] if self._holds(self.estimates(v, 0.0, estimate), estimate)),
            UNDECIDED,
        )

    def estimates(self, verdict: str, half: float, near: float) -> tuple[float, float]:
        """The range of estimates that give a verdict if half the interval is `half`; of two
        ranges, the one on the side of `near`."""
        if verdict == SUPPORTED:
            return max(self.above + half, self.least), self.below - half
        if verdict == SMALL:
            return max(half - self.small, self.under - half), self.small - half
        if near > self.over:
            return self.over + half, math.inf
        return -math.inf, self.under - half

    def images_alike(self, alpha: float) -> int:
        """The test images on which no prediction may differ for an interval around 0 that gives the
        verdict of 0 (the binomial limit)."""
        half = min(abs(bound) for bound in self.estimates(self.settled(0.0), 0.0, 0.0) if bound)
        return math.ceil(math.log(alpha / self.sides) / math.log(1 - half / 100))

    @staticmethod
    def _holds(bounds: tuple[float, float], estimate: float) -> bool:
        return bounds[0] <= estimate <= bounds[1]


def directional(delta: float) -> Rule:
    """A difference above zero, with an estimate of at least `delta`; contradicted if it is
    significantly below zero, too small to matter if it is significantly within ± `delta`."""
    return Rule(above=0.0, least=delta, under=0.0, small=delta)


def equivalent(margin: float) -> Rule:
    """A difference within ± `margin` (TOST)."""
    return Rule(above=-margin, least=-margin, under=-margin, below=margin, over=margin, sides=1)


def not_inferior(margin: float) -> Rule:
    """A difference above -`margin`."""
    return Rule(above=-margin, least=-math.inf, under=-margin)


@dataclass(frozen=True)
class Evidence:
    """The evidence for or against a claim in the tables of a study."""

    rule: Rule
    unit: str
    statistic: str  # what the estimate is, in words
    effects: list[Effect] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # the rival of each effect
    found: str = ""  # what was measured, as a sentence
    # reasons why the claim cannot be decided, independent of the numbers
    blocked: list[str] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)  # rates that would resolve a block or a doubt
    cross_fitted: list[Effect] | None = None  # effects with settings selected on other seeds
    doubts: list[str] = field(default_factory=list)  # reasons why it cannot be contradicted
    # finer rates, if the grid's steps dominate the uncertainty
    finer: list[Fix] = field(default_factory=list)
    last_decides: bool = False  # only the last effect can contradict the claim
    # A condition that is counted, not estimated (fewer updates); False contradicts the claim.
    holds: bool | None = None


@dataclass(frozen=True)
class Decision:
    verdict: str
    p_value: float
    multiplier: float  # Holm's factor of the p value
    alpha: float
    level: float  # confidence level of the interval
    effect: Effect | None  # the decisive one
    disagrees: bool = False  # True if the cross-fitted effects give another verdict
    unsafe: bool = False  # True if one more seed like the worst one gives another verdict


def decide(claims: list[Evidence], planned: int) -> list[Decision]:
    """The verdicts on all claims of a study together."""
    ps, alphas = [_p_value(one) for one in claims], [_alpha(one, planned) for one in claims]
    times = multipliers(ps, min(alphas, default=ALPHA))
    return [_decision(*one) for one in zip(claims, ps, times, alphas, strict=True)]


def _alpha(evidence: Evidence, planned: int) -> float:
    """The significance level of this test; a claim without effects counts as not tested yet."""
    seeds = _seeds(evidence)
    return INTERIM if 0 < seeds < planned else LATER if seeds > planned else ALPHA


def multipliers(ps: list[float], alpha: float = ALPHA) -> list[float]:
    """The factors of Holm's step-down procedure for each p value; from the first one that is not
    significant at `alpha`, the factor stays the same.

    An adjusted p value is below `alpha` exactly when Holm's procedure rejects.
    """
    if not ps:
        return []
    told = multipletests(ps, alpha, method="holm")[0]
    order, found, times = np.argsort(ps, kind="stable"), [0.0] * len(ps), 0.0
    for place, index in enumerate(order):
        if place == 0 or told[order[place - 1]]:
            times = float(len(ps) - place)
        found[index] = times
    return found


def _seeds(evidence: Evidence) -> int:
    return min((effect.seeds for effect in evidence.effects), default=0)


def _known(evidence: Evidence) -> bool:
    return bool(evidence.effects) and all(effect.known for effect in evidence.effects)


def _p_value(evidence: Evidence) -> float:
    if not _known(evidence):
        return 1.0
    return min(1.0, *_both(evidence, evidence.effects))


def _both(evidence: Evidence, effects: list[Effect]) -> tuple[float, float, float]:
    """p values of "supported" (from the weakest effect), "contradicted" and "too small to matter"
    (from the strongest, corrected for their number)."""
    rule = evidence.rule
    supported = (
        max(rule.p_supported(effect) for effect in effects) if evidence.holds is not False else 1.0
    )
    against = _against(evidence, effects)
    contradicted, small = (
        len(against) * min(p(effect) for effect in against)
        for p in (rule.p_contradicted, rule.p_small)
    )
    return supported, contradicted, small


def _against(evidence: Evidence, effects: list[Effect]) -> list[Effect]:
    return effects[-1:] if evidence.last_decides else effects


def _judge(evidence: Evidence, effects: list[Effect], alpha: float) -> str:
    supported, contradicted, small = _both(evidence, effects)
    large = all(effect.estimate >= evidence.rule.least for effect in effects)
    if evidence.holds is False or contradicted <= alpha:
        return CONTRADICTED
    if supported <= alpha and large:
        return SUPPORTED
    return SMALL if small <= alpha else UNDECIDED


def _decision(evidence: Evidence, p: float, times: float, alpha: float) -> Decision:
    effects, rule, each = evidence.effects, evidence.rule, alpha / times
    if not _known(evidence):
        return Decision(
            UNDECIDED,
            math.nan,
            times,
            alpha,
            1 - each * 2 / rule.sides,
            effects[0] if effects else None,
        )
    verdict = _judge(evidence, effects, each)
    if verdict == SUPPORTED:
        effect = min(effects, key=lambda effect: rule.slack(effect, 1 - each * 2 / rule.sides))
    else:  # any of several effects can contradict, so the interval is corrected for their number
        against = _against(evidence, effects)
        effect = min(against, key=rule.p_small if verdict == SMALL else rule.p_contradicted)
        each = each / len(against)
    disagrees = verdict != UNDECIDED and _disagrees(evidence, verdict, alpha / times)
    doubted = evidence.doubts and verdict in (CONTRADICTED, SMALL)
    unsafe = verdict != UNDECIDED and _unsafe(evidence, verdict, alpha / times)
    if evidence.blocked or doubted or one_seed(evidence) or disagrees or unsafe:
        verdict = UNDECIDED
    return Decision(verdict, p, times, alpha, 1 - each * 2 / rule.sides, effect, disagrees, unsafe)


def one_seed(evidence: Evidence) -> bool:
    return _seeds(evidence) < 2


def _disagrees(evidence: Evidence, verdict: str, alpha: float) -> bool:
    return (
        evidence.cross_fitted is not None
        and _judge(evidence, evidence.cross_fitted, alpha) != verdict
    )


def _unsafe(evidence: Evidence, verdict: str, alpha: float) -> bool:
    """True if the verdict changes with the lowest or the highest seed of each effect near failing
    counted twice."""
    return any(
        _judge(evidence, [one.tails[end] if one.tails else one for one in evidence.effects], alpha)
        != verdict
        for end in (0, 1)
    )
