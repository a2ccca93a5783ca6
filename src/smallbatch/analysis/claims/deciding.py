"""What would decide a claim: more seeds (a range), more test images, or other learning rates."""

import math
from dataclasses import dataclass

from scipy import special

from smallbatch.analysis.claims.verdict import ALPHA, LATER, Decision, Evidence, one_seed
from smallbatch.analysis.effect import Effect, quantile
from smallbatch.analysis.measured import overrides
from smallbatch.analysis.phrases import signed
from smallbatch.core.text import count_text

MOST = 1000  # seeds; above this, seeds alone are not a practical answer


@dataclass(frozen=True)
class Needed:
    """The number of seeds (a range, or None) and of test images (or None) that would decide."""

    seeds: tuple[int, int] | None
    images: int | None


def needed(effect: Effect, room: float, alpha: float, planned: int) -> Needed:
    """The seeds or images that reduce half the interval at one-sided level `alpha` to less than
    `room`, if the difference stays as measured.

    The range of seeds follows from the 80% interval of the variance over seeds. If the variance
    over these test images is too large by itself, no number of seeds is enough: then the result is
    the number of images with `planned` seeds or, if that is not enough, with infinitely many seeds.
    """
    if not room > 0 or not effect.known:
        return Needed(None, None)
    if effect.alike:  # no prediction differed: the binomial limit
        return Needed(None, math.ceil(math.log(alpha) / math.log(1 - room / 100)))
    z = quantile(math.inf, 1 - alpha)
    free = effect.seeds - 1
    if (z / room) ** 2 * effect.floor < 1:
        bounds = [special.chdtri(free, p) for p in (0.1, 0.9)]  # quantiles 0.9 and 0.1
        low, high = (
            _seeds(effect, effect.by_seeds * free / bound, room, alpha) for bound in bounds
        )
        if low is not None:
            return Needed((low, high or MOST), None)
    if not effect.examples:
        return Needed(None, None)
    of_seed = max(effect.by_seeds - effect.residual / effect.examples, 0.0)
    left = (room / z) ** 2 - of_seed / max(planned, effect.seeds)
    if left > 0:
        return Needed(
            None,
            math.ceil((effect.by_examples + effect.residual / max(planned, effect.seeds)) / left),
        )
    return Needed(
        None, math.ceil(effect.by_examples * (z / room) ** 2) if effect.by_examples else None
    )


def _seeds(effect: Effect, by_seeds: float, room: float, alpha: float) -> int | None:
    for seeds in range(2, MOST + 1):
        both = (
            by_seeds / seeds + effect.floor
            if effect.examples
            else max(by_seeds / seeds, effect.floor)
        )
        if quantile(seeds - 1, 1 - alpha) * math.sqrt(both) < room:
            return seeds
    return None


def decided_by(evidence: Evidence, decision: Decision, planned: int) -> tuple[str, list[str]]:
    """A sentence on what would decide the claim, and the overrides of the study for it; both are
    empty if the claim is decided."""
    effect, seeds = decision.effect, 0 if decision.effect is None else decision.effect.seeds
    if decision.verdict != "undecided" and seeds >= planned:
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
    if decision.verdict != "undecided":
        return f"told already at {seeds} seeds; the {planned} planned confirm it", [
            f"grid.seeds={planned}"
        ]
    if evidence.doubts:
        return _because(evidence.doubts, evidence)
    chosen = effect
    because = ""
    if decision.disagrees and evidence.cross_fitted is not None and effect is not None:
        chosen = evidence.cross_fitted[evidence.effects.index(effect)]
        because = (
            f"with each seed's setting chosen on the other seeds the difference is {signed(chosen.estimate, 2)}, which is not "
            "told; if it stays so, "
        )
    assert chosen is not None  # without an effect the claim is blocked
    room = evidence.rule.room(chosen)
    first = needed(chosen, room, ALPHA / decision.multiplier / evidence.rule.sides, planned)
    if seeds < planned and first.seeds and first.seeds[1] <= planned:
        return f"{because}the {planned} planned seeds", [f"grid.seeds={planned}"]
    found = first
    if seeds >= planned and first.seeds:  # a test after the planned one has a stricter level
        found = needed(chosen, room, LATER / decision.multiplier / evidence.rule.sides, planned)
    if chosen.alike:
        return (
            f"{because}not one prediction differed: of about {found.images:,} test images, {chosen.examples:,} now, none would have to"
        ), []
    if found.images:
        return (
            f"{because}no number of seeds decides this: some {_rounded(found.images):,} test images would, for the "
            f"{chosen.examples:,} here, if the difference stays as it is"
        ), []
    if found.seeds is None:
        if evidence.finer:
            return (
                f"{because}the grid's steps are too wide: finer ones near the largest η̃",
                overrides(evidence.finer),
            )
        return (
            f"{because}not {MOST:,} seeds: the difference is too close to where the claim would hold or fail",
            [],
        )
    low, high = (max(planned, n, seeds + 1) for n in found.seeds)
    span = (
        f"some {low}" if low == high else f"{low} to {'more than ' if high >= MOST else ''}{high:,}"
    )
    more = f"{count_text(low - seeds, 'seed')} more than now{'' if low == high else ' at least'}"
    stays = "" if because else ", if the difference stays as it is"
    return f"{because}{span} seeds ({more}){stays}", [f"grid.seeds={low}"]


def _rounded(number: int) -> int:
    """The number rounded up to two significant digits."""
    step = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // step) * step


def _because(reasons: list[str], evidence: Evidence) -> tuple[str, list[str]]:
    return (
        f"{'; '.join(reasons)}{'; more rates there would show' if evidence.fixes else ''}",
        overrides(evidence.fixes),
    )
