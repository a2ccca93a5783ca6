"""Commands shown in a report."""

import shlex

from smallbatch.core.records import StudyPlan


def command(study: StudyPlan, *overrides: str) -> str:
    """The command that rebuilds the report of a study or resumes the study; `overrides` replace
    those of the study with the same key."""
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
