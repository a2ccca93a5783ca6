"""What would decide a claim: more seeds, more test images, both, or other learning rates."""

from smallbatch.analysis.claims.power import CHANCE, MOST_SEEDS, chance, images_with, needed
from smallbatch.analysis.claims.verdict import (
    ALPHA,
    LATER,
    UNDECIDED,
    Decision,
    Evidence,
    one_seed,
)
from smallbatch.analysis.effect import Effect
from smallbatch.analysis.measured import overrides
from smallbatch.analysis.phrases import signed
from smallbatch.core.text import count_text

ODDS = f"with a chance of {CHANCE:.0%}, if the difference and its variance stay as they are"


def decided_by(
    evidence: Evidence, decision: Decision, planned: int, ceiling: int | None = None
) -> tuple[str, list[str]]:
    """A sentence on what would decide the claim, and the overrides of the study for it; both are
    empty if the claim is decided.

    `ceiling` is the number of test images that the data set has, None if unknown.
    """
    effect, seeds = decision.effect, 0 if decision.effect is None else decision.effect.seeds
    if decision.verdict != UNDECIDED and seeds >= planned:
        return "", []
    if evidence.blocked:
        said, changes = _because(evidence.blocked, evidence)
        if 0 < seeds < planned:
            return f"{said}; besides, {seeds} of the {planned} planned seeds are there", [
                *changes,
                f"grid.seeds={planned}",
            ]
        return said, changes
    if one_seed(evidence):
        return f"one seed says nothing of chance; {planned} are planned", [f"grid.seeds={planned}"]
    if decision.verdict != UNDECIDED:
        return f"decided already at {seeds} seeds; the {planned} planned confirm it", [
            f"grid.seeds={planned}"
        ]
    if evidence.doubts:
        return _because(evidence.doubts, evidence)
    chosen, because = effect, ""
    if decision.disagrees and evidence.cross_fitted is not None and effect is not None:
        chosen = evidence.cross_fitted[evidence.effects.index(effect)]
        because = (
            f"with each seed's setting chosen on the other seeds the difference is {signed(chosen.estimate, 2)}, which does not "
            "give the same verdict; if it stays so, "
        )
    elif decision.unsafe and effect is not None and effect.tails:
        chosen = max(effect.tails, key=lambda one: one.variance)
        because = (
            "near an η̃ at which training fails one more seed like the worst one would change the verdict; if seeds "
            "differ so much, "
        )
    assert chosen is not None  # without an effect the claim is blocked
    said, changes = _numbers(evidence, decision, chosen, planned, ceiling)
    return f"{because}{said}", changes


def _numbers(
    evidence: Evidence, decision: Decision, effect: Effect, planned: int, ceiling: int | None
) -> tuple[str, list[str]]:
    """The seeds, or the seeds and test images, that would decide."""
    rule, seeds = evidence.rule, effect.seeds
    # The level of each effect at the planned number of seeds, and of a test after it.
    now, later = (
        (1 - decision.level) * rule.sides / 2 * alpha / decision.alpha for alpha in (ALPHA, LATER)
    )
    if effect.alike:
        images = rule.images_alike(now)
        return (
            f"not one prediction differed: of about {images:,} test images, {effect.examples:,} now, none would have to"
            f"{_of_data(images, ceiling)}"
        ), []
    if seeds < planned and chance(rule, effect, planned, effect.examples, now) >= CHANCE:
        return f"the {planned} planned seeds, {ODDS}", [f"grid.seeds={planned}"]
    found = needed(rule, effect, later, max(planned, seeds) + 1)
    if found is None:
        if evidence.finer:
            return (
                "the grid's steps are too wide: finer ones near the largest η̃",
                overrides(evidence.finer),
            )
        return (
            f"not {MOST_SEEDS:,} seeds: the difference is too close to where two verdicts meet"
        ), []
    images = effect.examples
    if found.span is not None:
        low, high = found.span
        upper = f"{high:,}" if high else f"more than {MOST_SEEDS:,}"
        span = f", {low:,} to {upper} by the uncertainty of their variance"
        on = f" on these {images:,} test images" if images else ""
        return (
            f"some {count_text(found.seeds, 'seed')} ({found.seeds - seeds:,} more than now{span}){on}, {ODDS}"
        ), [f"grid.seeds={found.seeds}"]
    at_planned = images_with(rule, effect, now, max(planned, seeds))
    if at_planned is not None:
        pair, wanted = max(planned, seeds), at_planned
        said = f"no number of seeds decides this on {images:,} test images: "
    else:
        pair, wanted = found.seeds, found.images
        said = "neither more seeds nor more test images alone: "
    return (
        f"{said}{count_text(pair, 'seed')} and some {_rounded(wanted):,} test images together would, for the {seeds} and "
        f"{images:,} here, {ODDS}{_of_data(wanted, ceiling)}"
    ), []


def _of_data(wanted: int, ceiling: int | None) -> str:
    """That the data set has fewer test images than needed."""
    if ceiling is None or wanted <= ceiling:
        return ""
    return f"; this data set has only {ceiling:,} outside its training and validation images"


def _rounded(number: int) -> int:
    """The number rounded up to two significant digits."""
    step = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // step) * step


def _because(reasons: list[str], evidence: Evidence) -> tuple[str, list[str]]:
    return (
        f"{'; '.join(reasons)}{'; more rates there would show' if evidence.fixes else ''}",
        overrides(evidence.fixes),
    )
