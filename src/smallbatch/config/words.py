"""Overrides as Hydra can read them."""

import re

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

BACKSLASH = "\\"
# What begins so is a path; no number, list or mapping does.
PATH = re.compile(r"([+~]{0,2}[\w.@/-]+)=((?:/|~/|\.{1,2}/).*)", re.DOTALL)


def can_be_read(word: str) -> bool:
    """Whether an override has one value for Hydra, whose grammar knows few characters, and for
    which a comma means a sweep."""
    try:
        return not OverridesParser.create().parse_override(readable(word)).is_sweep_override()
    except HydraException:
        return False


def readable(word: str) -> str:
    """An override whose value is a path in quotation marks: it may hold any character."""
    match = PATH.fullmatch(word)
    if not match:
        return word
    return f"{match[1]}={quoted(match[2].replace('${', BACKSLASH + '${'))}"  # no interpolation


def quoted(text: str) -> str:
    """A text as a string of Hydra's grammar."""
    # A backslash counts only before a quotation mark, or before the end.
    escaped = re.sub(r"(\\*)(\"|$)", lambda found: found[1] * 2 + (found[2] and '\\"'), text)
    return f'"{escaped}"'


def without_password(text: str) -> str:
    """The text without what stands before the @ of an address."""
    return re.sub(r"://[^'\"\n]*@", "://...@", text)
