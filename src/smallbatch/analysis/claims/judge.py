"""All claims of a study: evidence from its tables, verdicts, and what would decide undecided
claims."""

import math

import numpy as np

from smallbatch.analysis.claims.batch_size import (
    bn_batch,
    no_difference,
    small_batch,
)
from smallbatch.analysis.claims.claim import Claim, Rival
from smallbatch.analysis.claims.deciding import decided_by
from smallbatch.analysis.claims.scaled_rate import linear_scaling, scaled_accuracy
from smallbatch.analysis.claims.schedules import lower_training_loss, same_accuracy_fewer_updates
from smallbatch.analysis.claims.stable_range import stable_range
from smallbatch.analysis.claims.verdict import (
    INTERIM,
    UNDECIDED,
    Decision,
    Evidence,
    decide,
    directional,
    one_seed,
)
from smallbatch.analysis.effect import Effect
from smallbatch.analysis.measured import Measured
from smallbatch.analysis.phrases import listed, signed
from smallbatch.core.records import PlannedClaim
from smallbatch.core.text import budget_text, kind_text

KINDS = {  # a function for each of config.claims.TESTS, where the steps to add one are listed
    "small-batch": small_batch,
    "large-batch": small_batch,
    "no-difference": no_difference,
    "linear-scaling": linear_scaling,
    "scaled-accuracy": scaled_accuracy,
    "stable-range": stable_range,
    "bn-batch": bn_batch,
    "same-accuracy-fewer-updates": same_accuracy_fewer_updates,
    "lower-training-loss": lower_training_loss,
}


def judge(
    claims: list[PlannedClaim], data: Measured, planned: int, ceiling: int | None = None
) -> list[Claim]:
    """The claims with their verdicts, from `claims` of a plan (`plan.claims`) and the number of
    `planned` seeds; `ceiling`: the test images of the data set."""
    evidence = [_evidence(claim, data) for claim in claims]
    decisions = decide(evidence, planned)
    return [
        record(claim, one, decision, planned, ceiling)
        for claim, one, decision in zip(claims, evidence, decisions, strict=True)
    ]


def _evidence(claim: PlannedClaim, data: Measured) -> Evidence:
    if data.settings(claim["budget"]).empty:
        reason = f"no setting of the study has {budget_text(claim['budget'])}"
    elif claim["norm"] and data.settings(claim["budget"], claim["norm"]).empty:
        reason = f"no setting of the study has {kind_text(claim['norm'])} at {budget_text(claim['budget'])}"
    else:
        return KINDS[claim["test"]](claim, data)
    return Evidence(directional(claim["delta"]), "points", claim["test"], blocked=[reason])


def record(
    claim: PlannedClaim,
    evidence: Evidence,
    decision: Decision,
    planned: int,
    ceiling: int | None = None,
) -> Claim:
    """A claim of a plan with its results; unknown numbers are None."""
    effect, crossed = decision.effect, evidence.cross_fitted
    low, high = _interval(effect, decision.level) if effect else (None, None)
    said, overrides = decided_by(evidence, decision, planned, ceiling)
    return Claim(
        claim=claim["claim"],
        source=claim["source"],
        statement=claim["statement"],
        statistic=evidence.statistic,
        estimate=_known(effect.estimate) if effect else None,
        ci_low=low,
        ci_high=high,
        p_value=_known(decision.p_value),
        seeds=effect.seeds if effect else 0,
        verdict=decision.verdict,
        decide_by=said,
        unit=evidence.unit,
        level=decision.level,
        p_holm=None
        if math.isnan(decision.p_value)
        else min(1.0, decision.p_value * decision.multiplier),
        interim=decision.alpha == INTERIM,
        alpha=decision.alpha,
        seeds_planned=planned,
        norm=claim["norm"],
        budget=claim["budget"],
        needs=needs(evidence),
        fails=fails(evidence),
        found=evidence.found
        + _tails(decision)
        + along(evidence, decision)
        + _ruled_out(evidence, decision, high),
        bootstrap=list(effect.bootstrap) if effect and effect.bootstrap else None,
        cross_fitted=crossed[evidence.effects.index(effect)].estimate
        if crossed and effect
        else None,
        test_images=effect.examples if effect else 0,
        rivals=[
            Rival(name, _known(one.estimate), *_interval(one, decision.level))
            for name, one in zip(evidence.names, evidence.effects, strict=True)
        ],
        bounds=bounds(evidence),
        blocked=evidence.blocked,
        overrides=overrides,
        cite=claim["cite"],
    )


def bounds(evidence: Evidence) -> list[float]:
    """The positions of the zero line and the least effect, or of both margins."""
    rule = evidence.rule
    return sorted(
        {
            bound
            for bound in (rule.above, rule.below, rule.under, rule.small or math.inf)
            if math.isfinite(bound)
        }
    )


def needs(evidence: Evidence) -> str:
    """The range of the interval that supports the claim, in words."""
    rule, unit = evidence.rule, evidence.unit
    if math.isfinite(rule.below):
        return f"within ±{rule.below:g} {unit}{', with fewer updates' if evidence.holds is not None else ''}"
    if math.isfinite(rule.least):
        return f"above 0, with an estimate of {rule.least:g} {unit} or more"
    return f"above −{-rule.above:g} {unit}"


def fails(evidence: Evidence) -> str:
    """The range of the interval that contradicts the claim, in words."""
    rule, unit = evidence.rule, evidence.unit
    if math.isfinite(rule.over):
        return f"outside ±{rule.over:g} {unit}"
    if not rule.under:
        return "below 0"
    return f"below {'−' if rule.under < 0 else ''}{abs(rule.under):g} {unit}"


def _ruled_out(evidence: Evidence, decision: Decision, high: float | None) -> str:
    """What an undecided interval says nevertheless: no effect worth having."""
    least = evidence.rule.small
    if not least or decision.verdict != UNDECIDED or high is None or high >= least:
        return ""
    return f"; an effect of {least:g} {evidence.unit} or more is ruled out"


def _tails(decision: Decision) -> str:
    """The intervals with the lowest or the highest seed counted twice, where a setting is near
    failing."""
    if decision.effect is None or not decision.effect.known or not decision.effect.tails:
        return ""
    low, high = (
        f"{signed(one.estimate, 2)} ({' to '.join(signed(end, 2) for end in one.interval(decision.level))})"
        for one in decision.effect.tails
    )
    return f"; with the lowest seed counted twice {low}, with the highest {high}"


def along(evidence: Evidence, decision: Decision) -> str:
    """Where a claim about each batch size up to one holds and fails, at the level of its verdict;
    empty for other claims.

    Holding is tested upwards from the smallest m and failing downwards from the largest, each until
    the first that is not significant, so that one level is enough for all.
    """
    if not evidence.last_decides or decision.effect is None or not _testable(evidence):
        return ""
    rule, alpha = evidence.rule, decision.alpha / decision.multiplier
    checks = [
        [effect, crossed, *(effect.tails or ())]
        for effect, crossed in zip(
            evidence.effects, evidence.cross_fitted or evidence.effects, strict=True
        )
    ]
    good, bad = (
        [all(p(effect) <= alpha for effect in each) for each in checks]
        for p in (rule.p_supported, rule.p_contradicted)
    )
    holds = int(np.cumprod(good).sum())
    fails = int(np.cumprod(bad[::-1]).sum())
    sizes = [name.removeprefix("m = ") for name in evidence.names]
    parts = [
        ("holds at m = ", sizes[:holds]),
        ("not distinguishable at m = ", sizes[holds : len(sizes) - fails]),
        ("fails at m = ", sizes[len(sizes) - fails :]),
    ]
    said = ", ".join(f"{words}{listed(at)}" for words, at in parts if at)
    return f"; at the level of the verdict: {said}"


def _testable(evidence: Evidence) -> bool:
    return not one_seed(evidence) and all(effect.known for effect in evidence.effects)


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def _interval(effect: Effect, level: float) -> tuple[float | None, float | None]:
    return effect.interval(level) if effect.known else (None, None)
