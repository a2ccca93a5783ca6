"""The papers that claims and reported values come from: papers.bib, entry by entry."""

import functools
import re
from pathlib import Path

from smallbatch.core.records import StudyPlan

FILE = Path(__file__).with_name("papers.bib")


@functools.cache
def entries() -> dict[str, str]:
    """By key the text of each entry of papers.bib."""
    parts = re.split(r"^(?=@)", FILE.read_text(encoding="utf-8"), flags=re.M)
    return {_group(r"@\w+{([\w-]+),", part): part.strip() for part in parts if part.startswith("@")}


def name(key: str) -> str:
    """``Masters & Luschi 2018``, ``Smith et al. 2018``."""
    entry = entries()[key]
    authors = _group(r"author = {(.+?)},\n", entry).split(" and ")
    family = [author.strip("{}").split(",")[0] for author in authors]
    who = " & ".join(family) if len(family) < 3 else f"{family[0]} et al."
    year = _group(r"year = {(\d+)}", entry)
    return f"{who} {year}"


def cited(study: StudyPlan) -> list[str]:
    """The keys of the papers that a study's claims and reported values cite, in the order of
    papers.bib."""
    found = {one["cite"] for one in (*study["claims"], *study["papers"])}
    return [key for key in entries() if key in found]


def _group(pattern: str, text: str) -> str:
    """What the group of `pattern` is in `text`, which papers.bib has in every entry."""
    found = re.search(pattern, text)
    assert found, f"papers.bib: no {pattern} in {text}"
    return found[1]
