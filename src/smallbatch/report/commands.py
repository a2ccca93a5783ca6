"""The commands that a report gives its reader."""

import shlex

from smallbatch.core.records import StudyPlan


def command(study: StudyPlan, *overrides: str) -> str:
    """The command that makes the report of a study again, or goes on where it stopped; with
    `overrides` in place of its own."""
    text = f"snakemake --cores all --config study={study['study']}"
    if study["folder"]:
        text += f" conf={shlex.quote(study['folder'])}"
    keys = {_key(override) for override in overrides}
    given = [override for override in study["given"] if _key(override) not in keys] + list(
        overrides
    )
    if given:
        words = [
            shlex.quote(override) if set(override) & set(" '\"") else override for override in given
        ]
        text += f" hydra={shlex.quote(' '.join(words))}"
    return text


def _key(override: str) -> str:
    return override.lstrip("+").partition("=")[0]
