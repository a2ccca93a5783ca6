"""A claim with its verdict: the record that claims.json holds, and that figures, page and
comparison read.

What is not known is None, as in the file. A frame would turn None into NaN, which is true.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from smallbatch.core.errors import UserError


@dataclass(frozen=True)
class Rival:
    """One of the effects that a claim rests on."""

    name: str  # what the effect is measured against
    estimate: float | None  # in the unit of the claim
    ci_low: float | None  # lower end of the interval at the claim's level
    ci_high: float | None  # upper end of it


@dataclass(frozen=True)
class Claim:
    """The keys of the contract come first: `claim` to `decide_by`."""

    claim: str  # the study's name for it
    source: str  # paper and place in it
    statement: str  # what is claimed, as a sentence
    statistic: str  # what the estimate is, in words
    estimate: float | None  # in `unit`
    ci_low: float | None  # lower end of the interval at `level`
    ci_high: float | None  # upper end of it
    p_value: float | None  # of the nearer verdict, not adjusted
    seeds: int  # number of seeds
    verdict: str  # supported, contradicted or undecided
    decide_by: str  # what would decide or confirm it; empty where nothing has to
    unit: str  # points (of test accuracy), of log loss, or octaves per doubling of m
    level: float  # of the interval
    p_holm: float | None  # the p value, adjusted for the number of claims
    interim: bool  # True before the planned number of seeds
    alpha: float  # the adjusted p value must be below it
    seeds_planned: int  # claims.seeds_planned of the study
    norm: str | None  # none, bn or gn; null: of any kind
    budget: str  # of the settings that are compared
    needs: str  # where the interval must lie for the claim to hold, in words
    fails: str  # and for it to be contradicted
    found: str  # what was measured, as a sentence
    bootstrap: list[float] | None  # a 95% interval, lower end first
    cross_fitted: float | None  # the estimate with each seed's setting chosen on the other seeds
    test_images: int  # number of test images; 0 if the effect is not an accuracy
    rivals: list[Rival]  # the effects that the claim rests on
    bounds: list[float]  # the zero line and the least effect, or both margins, in `unit`
    blocked: list[str]  # why it cannot be decided, whatever the numbers
    overrides: list[str]  # of the study, that do what `decide_by` says
    cite: str | None  # a key of papers.bib


def write_claims(claims: list[Claim], path: Path) -> None:
    records = [dataclasses.asdict(claim) for claim in claims]
    path.write_text(
        json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def read_claims(path: Path) -> list[Claim]:
    """The claims in a file; raises UserError for one that another version of smallbatch wrote."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return [
            Claim(**record | {"rivals": [Rival(**rival) for rival in record["rivals"]]})
            for record in records
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}: not the claims of this version of smallbatch ({error}); delete it and run snakemake, which writes it again"
        ) from error
