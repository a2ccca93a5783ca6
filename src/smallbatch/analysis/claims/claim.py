"""A claim with its verdict: the record in claims.json, which figures, report and comparison read.

Unknown values are None, as in the file; a frame would convert None to NaN, which is truthy.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from smallbatch.core.errors import UserError


@dataclass(frozen=True)
class Rival:
    """One of the effects that decide a claim."""

    name: str  # what the effect is compared with
    estimate: float | None  # in the unit of the claim
    ci_low: float | None  # lower end of the interval at the claim's level
    ci_high: float | None  # upper end of that interval


@dataclass(frozen=True)
class Claim:
    """The keys from `claim` to `decide_by` are the contract of claims.json and come first."""

    claim: str  # name of the claim in the study
    source: str  # paper and section
    statement: str  # the claim as a sentence
    statistic: str  # what the estimate is, in words
    estimate: float | None  # in `unit`
    ci_low: float | None  # lower end of the interval at `level`
    ci_high: float | None  # upper end of that interval
    p_value: float | None  # unadjusted p value of the nearer verdict
    seeds: int  # number of seeds
    verdict: str  # supported, too small to matter, contradicted or undecided
    decide_by: str  # what would decide or confirm the claim; empty if nothing is needed
    unit: str  # points (of test accuracy), of log loss, or octaves per doubling of m
    level: float  # confidence level of the interval
    p_holm: float | None  # p value adjusted for the number of claims (Holm)
    interim: bool  # True before the planned number of seeds
    alpha: float  # significance level for the adjusted p value
    seeds_planned: int  # claims.seeds_planned of the study
    norm: str | None  # none, bn or gn; null: any of them
    budget: str  # budget of the compared settings
    needs: str  # range of the interval that supports the claim, in words
    fails: str  # range of the interval that contradicts the claim, in words
    found: str  # what was measured, as a sentence
    bootstrap: list[float] | None  # 95% bootstrap interval, lower end first
    cross_fitted: float | None  # the estimate with each seed's setting chosen on the other seeds
    test_images: int  # number of test images; 0 if the effect is not an accuracy
    rivals: list[Rival]  # the effects that decide the claim
    bounds: list[float]  # zero and the least effect, or the margins, in `unit`, in ascending order
    blocked: list[str]  # reasons why the claim cannot be decided, independent of the numbers
    overrides: list[str]  # overrides of the study for what `decide_by` recommends
    cite: str | None  # key in papers.bib

    @property
    def small(self) -> str:
        """The range of the interval that is too small to matter, in words; empty if the rule has
        none, as where a margin is tested."""
        if len(self.bounds) < 2 or self.bounds[0]:
            return ""
        return f"within ±{self.bounds[-1]:g} {self.unit}"


def write_claims(claims: list[Claim], path: Path) -> None:
    records = [dataclasses.asdict(claim) for claim in claims]
    path.write_text(
        json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def read_claims(path: Path) -> list[Claim]:
    """Load the claims in a file; raises UserError if another version of smallbatch wrote it."""
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
