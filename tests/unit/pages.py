"""The pages of the documentation, and what their tests look for in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "results").glob("README.md")]
    + [*(ROOT / "results" / "reference").rglob("README.md")]
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: Path
    language: str
    code: str

    def __str__(self) -> str:  # in the name of a test
        return f"{self.page.name}-{self.code.splitlines()[0][:40]}"


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def blocks(*languages: str) -> list[Block]:
    return [
        Block(page, *match)
        for page in PAGES
        for match in FENCE.findall(page.read_text(encoding="utf-8"))
        if match[0] in languages or not languages
    ]


def one_line(words: str) -> str:
    """The words of a text with a single space between any two."""
    return " ".join(words.split())
