"""What a study may claim, and what papers reported: keys, units and bounds.

They are no part of what a point is: changing them trains nothing. Nothing shows that they were
written before the data was seen, so reports call them exploratory.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from smallbatch.config.schedules import check_budget
from smallbatch.core.records import StudyConfig

# The kinds of claims, and what each needs beside its words. Planning reads this, without scipy. To add one: a line here; its
# function, in a file of analysis/claims/, in `judge.KINDS`; a file of conf/claim/; a row in the documentation. Where its
# effect is in a new unit: `XLABELS` of figures/claims.py.
TESTS = {
    "small-batch": ("limit",),
    "large-batch": ("limit",),
    "no-difference": (),
    "linear-scaling": ("up_to",),
    "scaled-accuracy": ("up_to",),
    "stable-range": (),
    "bn-batch": (),
    "same-accuracy-fewer-updates": ("schedule", "against"),
    "lower-training-loss": ("schedule", "against"),
}
# What may stand beside a value that a paper reported. To add one: its name here, its function in `MEASURES` of
# report/reported.py, and a file of conf/paper/ that uses it.
MEASURES = (
    "best_batch_size",
    "best_bn_batch_size",
    "largest_that_trains",
    "stable_slope",
    "failed_share",
    "accuracies",
    "accuracy_and_updates",
    "train_loss",
)
FEWEST_SEEDS = 10  # at 5 seeds a sign-flip test cannot go below p = 0.06


@dataclass
class Claim:
    """A statement with the test that decides it."""

    test: str = ""  # kind of the claim: small-batch, large-batch, no-difference, linear-scaling, stable-range,
    # scaled-accuracy, bn-batch, same-accuracy-fewer-updates or lower-training-loss
    statement: str = ""  # what is claimed, as a sentence; {limit} and {up_to} are filled in
    source: str = ""  # paper and place in it
    cite: str | None = None  # key in papers.bib
    norm: str | None = None  # none, bn or gn; null: all of the study
    budget: str | None = None  # as in the grid or an arm; null: grid.budget
    limit: int | None = None  # small-batch, large-batch: the largest m that is called small
    up_to: int | None = (
        None  # linear-scaling, scaled-accuracy: the m up to which the rule is claimed to hold
    )
    reference: int | None = None  # the same: the m whose best η̃ is kept; null: the smallest
    schedule: str | None = None  # name in `schedules`: the schedule that the claim is about
    against: str | None = None  # name in `schedules`: the schedule that it is compared with
    batch_size: int | None = None  # the first batch size of both schedules; null: the best of each
    delta: float | None = (
        None  # least effect worth having; null: claims.delta. stable-range: octaves of η̃ per
    )
    # octave
    # of m; lower-training-loss: logarithm of the ratio; else points of test accuracy
    margin: float | None = None  # points: differences within it do not matter; null: claims.margin


@dataclass
class Claims:
    """The claims of a study, and what holds for all of them."""

    seeds_planned: int = (
        10  # 10 or more; a look before this number of seeds is interim and needs p < 0.001
    )
    delta: float = 0.5  # points of test accuracy: the least effect worth having
    margin: float = 0.5  # points of test accuracy, for "no difference" and "as good as"
    tests: dict[str, Claim] = field(default_factory=dict)  # the claims by name


@dataclass
class Reported:
    """A value that a paper reported."""

    what: str = ""  # in words
    value: str = ""  # as the paper has it
    source: str = ""  # figure, table or section
    unverified: bool = False  # true: from notes on the paper, not from the paper
    measure: str | None = (
        None  # the measured value shown next to it: best_batch_size, best_bn_batch_size,
    )
    # largest_that_trains, stable_slope, failed_share, accuracies, accuracy_and_updates or train_loss; null: none
    norm: str | None = None  # of the settings measured: none, bn or gn; null: all
    budget: str | None = None  # likewise; null: grid.budget
    schedule: str | None = None  # likewise; null: all
    batch_size: int | None = None  # likewise; null: all


@dataclass
class Paper:
    """A paper whose values the report shows next to the measured ones."""

    cite: str = ""  # key in papers.bib
    protocol: str = ""  # the paper's protocol, in a sentence
    reported: dict[str, Reported] = field(default_factory=dict)  # its values by name
    differences: list[str] = field(
        default_factory=list
    )  # how this study's protocol differs from the paper's; {parameters} is filled in


def check_claims(config: StudyConfig, known: set[str]) -> None:
    """Raise ValueError, with the key and the fix, for claims and papers that no study can have;
    `known`: keys of papers.bib."""
    claims = config["claims"]
    if claims["seeds_planned"] < FEWEST_SEEDS:
        raise ValueError(
            f"claims.seeds_planned: {claims['seeds_planned']} seeds are too few for a test; write {FEWEST_SEEDS} or more"
        )
    for key in ("delta", "margin"):
        _check_size(f"claims.{key}", claims[key])
    for name, claim in claims["tests"].items():
        _check_claim(f"claims.tests.{name}", claim, config, known)
    for name, paper in config["papers"].items():
        _check_cite(f"papers.{name}.cite", paper["cite"], known)
        for key, reported in paper["reported"].items():
            path = f"papers.{name}.reported.{key}"
            if reported["budget"] is not None:
                check_budget(f"{path}.budget", reported["budget"])
            if reported["measure"] not in (None, *MEASURES):
                raise ValueError(
                    f"{path}.measure: {reported['measure']!r} is not a valid measure; write {', '.join(MEASURES)} or null"
                )


def _check_claim(path: str, claim: dict[str, Any], config: StudyConfig, known: set[str]) -> None:
    if claim["test"] not in TESTS:
        raise ValueError(
            f"{path}.test: {claim['test']!r} is not a valid test; write {', '.join(TESTS)}"
        )
    for key in ("statement", *TESTS[claim["test"]]):
        if not claim[key]:
            raise ValueError(f"{path}.{key}: missing; a claim of the kind {claim['test']} needs it")
    for key in ("schedule", "against"):
        if claim[key] is not None and claim[key] not in config["schedules"]:
            raise ValueError(
                f"{path}.{key}: there is no schedule {claim[key]!r} in `schedules` "
                f"(known: {', '.join(config['schedules']) or 'none'})"
            )
    if claim["norm"] not in (None, "none", "bn", "gn"):
        raise ValueError(
            f"{path}.norm: {claim['norm']!r} is not a valid norm; write none, bn, gn or null (all)"
        )
    if claim["budget"] is not None:
        check_budget(f"{path}.budget", claim["budget"])
    for key in ("delta", "margin"):
        if claim[key] is not None:
            _check_size(f"{path}.{key}", claim[key])
    for key in ("limit", "up_to", "reference", "batch_size"):
        if claim[key] is not None and claim[key] < 1:
            raise ValueError(f"{path}.{key}: {claim[key]} is not a batch size; write 1 or more")
    if claim["cite"] is not None:
        _check_cite(f"{path}.cite", claim["cite"], known)


def _check_size(path: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{path}: {value} must be above 0, and finite")


def _check_cite(path: str, key: str, known: set[str]) -> None:
    if key not in known:
        raise ValueError(
            f"{path}: {key!r} is not in papers.bib (known: {', '.join(sorted(known))})"
        )
