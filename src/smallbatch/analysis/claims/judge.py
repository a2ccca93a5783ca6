"""All claims of a study: evidence from its tables, verdicts, and what would decide the undecided."""

import math

from smallbatch.analysis.claims.batch_size import bn_batch, linear_scaling, no_difference, small_batch
from smallbatch.analysis.claims.deciding import decided_by
from smallbatch.analysis.claims.schedules import lower_training_loss, same_accuracy_fewer_updates
from smallbatch.analysis.claims.stable_range import stable_range
from smallbatch.analysis.claims.verdict import INTERIM, Decision, Evidence, decide, directional
from smallbatch.analysis.measured import Measured
from smallbatch.text import budget_text, kind_text

KINDS = {
    "small-batch": small_batch,
    "large-batch": small_batch,
    "no-difference": no_difference,
    "linear-scaling": linear_scaling,
    "stable-range": stable_range,
    "bn-batch": bn_batch,
    "same-accuracy-fewer-updates": same_accuracy_fewer_updates,
    "lower-training-loss": lower_training_loss,
}


def judge(claims: list[dict], data: Measured, planned: int) -> list[dict]:
    """One record per claim, as in claims.json; `claims` as in a plan (`plan.claims`), `planned` seeds."""
    evidence = [_evidence(claim, data) for claim in claims]
    decisions = decide(evidence, planned)
    return [
        record(claim, one, decision, planned) for claim, one, decision in zip(claims, evidence, decisions, strict=True)
    ]


def _evidence(claim: dict, data: Measured) -> Evidence:
    if data.settings(claim["budget"]).empty:
        reason = f"no setting of the study has {budget_text(claim['budget'])}"
    elif claim["norm"] and data.settings(claim["budget"], claim["norm"]).empty:
        reason = f"no setting of the study has {kind_text(claim['norm'])} at {budget_text(claim['budget'])}"
    else:
        return KINDS[claim["test"]](claim, data)
    return Evidence(directional(claim["delta"]), "points", claim["test"], blocked=[reason])


def record(claim: dict, evidence: Evidence, decision: Decision, planned: int) -> dict:
    """The contract's keys first: claim ... decide_by; numbers that are not known are null."""
    effect = decision.effect
    low, high = effect.interval(decision.level) if effect and effect.known else (None, None)
    said, overrides = decided_by(evidence, decision, planned)
    rivals = zip(evidence.names, evidence.effects, strict=True)
    return {
        "claim": claim["claim"],
        "source": claim["source"],
        "statement": claim["statement"],
        "statistic": evidence.statistic,
        "estimate": effect.estimate if effect and _known(effect.estimate) else None,
        "ci_low": low,
        "ci_high": high,
        "p_value": decision.p_value if _known(decision.p_value) else None,
        "seeds": effect.seeds if effect else 0,
        "verdict": decision.verdict,
        "decide_by": said,
        "unit": evidence.unit,
        "level": decision.level,
        "p_holm": min(1.0, decision.p_value * decision.multiplier) if _known(decision.p_value) else None,
        "interim": decision.alpha == INTERIM,
        "alpha": decision.alpha,
        "seeds_planned": planned,
        "norm": claim["norm"],
        "budget": claim["budget"],
        "needs": needs(evidence),
        "fails": fails(evidence),
        "found": evidence.found,
        "bootstrap": list(effect.bootstrap) if effect and effect.bootstrap else None,
        "cross_fitted": evidence.cross_fitted[evidence.effects.index(effect)].estimate
        if evidence.cross_fitted
        else None,
        "test_images": effect.examples if effect else 0,
        "rivals": [
            {"name": name, "estimate": one.estimate if _known(one.estimate) else None, **_interval(one, decision.level)}
            for name, one in rivals
        ],
        "bounds": bounds(evidence),
        "blocked": evidence.blocked,
        "overrides": overrides,
        "cite": claim["cite"],
    }


def bounds(evidence: Evidence) -> list[float]:
    """Where the zero line and the least effect, or both margins, stand."""
    rule = evidence.rule
    return sorted({bound for bound in (rule.above, rule.below, rule.under) if math.isfinite(bound)})


def needs(evidence: Evidence) -> str:
    """Where the interval must lie for the claim to hold, in words."""
    rule, unit = evidence.rule, evidence.unit
    if math.isfinite(rule.below):
        return f"within ±{rule.below:g} {unit}{', with fewer updates' if evidence.holds is not None else ''}"
    if math.isfinite(rule.least):
        return f"above 0, with an estimate of {rule.least:g} {unit} or more"
    return f"above −{-rule.above:g} {unit}"


def fails(evidence: Evidence) -> str:
    """Where the interval must lie for the claim to be contradicted."""
    rule, unit = evidence.rule, evidence.unit
    if math.isfinite(rule.over):
        return f"outside ±{rule.over:g} {unit}"
    return f"below {'−' if rule.under < 0 else ''}{abs(rule.under):g} {unit}"


def _known(number: float) -> bool:
    return not math.isnan(number)


def _interval(effect, level: float) -> dict:
    if not effect.known:
        return {"ci_low": None, "ci_high": None}
    return dict(zip(("ci_low", "ci_high"), effect.interval(level), strict=True))
