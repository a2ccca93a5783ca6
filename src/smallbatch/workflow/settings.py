"""The settings of ``--config key=value``, and what else the command line says."""

import difflib
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallbatch.config.words import can_be_read, without_password
from smallbatch.core.errors import UserError

RESULTS = Path("results")
KEYS = {"study", "hydra", "conf", "partial"}
# Options of Snakemake without a value, which may stand together with -n: -np
FLAGS = "nFkpq"


@dataclass(frozen=True)
class Settings:
    studies: tuple[str, ...]
    overrides: tuple[str, ...]  # Hydra's, as in the setting `hydra`
    conf: str | None  # the user's own conf folder
    partial: bool

    @property
    def partial_flag(self) -> str:
        """The option of `collect`, which changes as the store fills, so that a partial report is
        made anew."""
        if not self.partial:
            return ""
        parts = len(list((RESULTS / "store").glob("*/*/part-*")))
        return f"--partial --stored {parts}"


def is_dry_run(arguments: list[str]) -> bool:
    """Whether these arguments of Snakemake ask for a dry run: it doesn't say so while it reads the
    Snakefile."""
    return any(
        argument.startswith("--dry") or re.fullmatch(f"-[{FLAGS}]*n[{FLAGS}]*", argument)
        for argument in arguments
    )


def stray_word(arguments: list[str]) -> str | None:
    """The first word behind ``--config`` that is no setting: Snakemake takes all that follow for
    settings, a target too."""
    inside = False
    for argument in arguments:
        if argument.startswith("-"):
            inside = argument in ("--config", "-C")
        elif inside and "=" not in argument:
            return argument
    return None


def read_settings(config: dict, is_module: bool = False) -> Settings:
    """The settings given by ``--config key=value``; raises UserError for an unknown one.

    A module may be given the whole config of the outer workflow: other keys are that one's, but for
    misspelt ones.
    """
    unknown = sorted(set(config) - KEYS)
    if unknown and not is_module:
        raise UserError(
            f"--config {unknown[0]}: there is no such setting (known: {', '.join(sorted(KEYS))})"
        )
    for key in unknown:
        for near in difflib.get_close_matches(key, KEYS, n=1, cutoff=0.8):
            print(
                f"warning: config key {key} is not a setting of smallbatch; did you mean {near}?",
                file=sys.stderr,
            )
    hydra = config.get("hydra") or ""
    overrides = [str(item) for item in hydra] if isinstance(hydra, list) else _words(str(hydra))
    partial = str(config.get("partial", False)).lower()
    if partial not in ("true", "false"):
        raise UserError(f"--config partial={config['partial']}: write true or false")
    conf = config.get("conf")
    folder = None if conf is None else _home(str(conf))
    return Settings(
        _studies(config.get("study", "digits")), tuple(overrides), folder, partial == "true"
    )


def _home(path: str) -> str:
    """A path with ~ for the home folder, which not every shell replaces after ``conf=``."""
    return str(Path(path).expanduser()) if path.startswith("~") else path


def _studies(study: Any) -> tuple[str, ...]:
    if study is None or study in ("", []):
        raise UserError("--config study=: write the name of a study, for example study=digits")
    # A value like [a,b] arrives as a list.
    names = study if isinstance(study, list) else [study]
    if len(names) == 1 and not isinstance(names[0], str):
        names = _typed("study") or names
    for name in names:
        if not isinstance(name, str):
            raise UserError(
                f"--config study={name}: Snakemake made a number or boolean of the name, and how it was "
                "written is lost; rename the study so that it begins with a letter"
            )
    return tuple(part for name in names for part in name.split(","))


def _typed(key: str) -> list[str]:
    """What was written behind ``key=`` on the command line: Snakemake takes away quotes at its ends,
    and makes numbers of texts like 007."""
    return [word.partition("=")[2] for word in sys.argv if word.startswith(f"{key}=")]


def _words(text: str) -> list[str]:
    """The overrides in the text of ``hydra=``, without the quotes that Hydra can do without."""
    typed = _typed("hydra")
    if len(typed) == 1 and typed[0].strip("'\"") == text:
        text = typed[0]
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(
            f"--config hydra={without_password(text)!r}: a quotation mark is missing ({error})"
        ) from error
    quoted = re.findall(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""", text)
    if quoted == words or len(quoted) != len(words):
        return words
    return [word if can_be_read(word) else whole for word, whole in zip(words, quoted, strict=True)]
