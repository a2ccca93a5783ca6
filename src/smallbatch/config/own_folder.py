"""The user's conf folder: what is looked at before Hydra reads it, and why it didn't find a
file."""

import codecs
from pathlib import Path

from omegaconf import OmegaConf

from smallbatch.core.errors import UserError

CONF = Path(__file__).parents[3] / "conf"
# Marks with which some editors begin a file.
MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def check_installed() -> None:
    """Raise UserError if the project's own studies are not there: a wheel has no conf folder."""
    if not (CONF / "config.yaml").is_file():
        raise UserError(
            f"{CONF}: there is no such folder; an installed package has no studies: clone the repository and "
            "run there, or name a plan file (results/plan/JOB.json)"
        )


def check_folder(folder: str, study: str) -> None:
    """Raise UserError for a folder that isn't there, or files in it that can't be used."""
    if Path(folder).is_file():
        raise UserError(
            f"--config conf={folder}: it is a file; name the folder that holds study/{study}.yaml"
        )
    if Path(folder).resolve() == CONF.resolve():
        raise UserError(
            f"--config conf={folder}: it is the project's own folder, which is always read; leave conf out, or "
            "name a folder of your own"
        )
    if not Path(folder).is_dir():
        raise UserError(
            f"--config conf={folder}: there is no such folder; name one that holds study/{study}.yaml"
        )
    groups = {path.name for path in CONF.iterdir() if path.is_dir()}
    for path in sorted(Path(folder).glob("*/*.yaml")):
        name = path.relative_to(folder)
        if (CONF / name).is_file():
            raise UserError(
                f"{path}: the project has a {name.parent} of that name already; rename yours"
            )
        if str(name.parent) in groups:
            _check_text(path)


def _check_text(path: Path) -> None:
    content = path.read_bytes()
    if content.startswith(MARKS):
        raise UserError(
            f"{path}: it begins with a byte-order mark; save it as UTF-8 without one (without BOM)"
        )
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from error


def why_not_found(group: str, name: str, folder: str | None) -> str | None:
    """A sentence on a file that is almost what was asked for; None if there is none."""
    for place in [Path(folder)] if folder else []:
        for path in sorted((place / group).glob("*")) if (place / group).is_dir() else []:
            if (
                path.stem == name
                and path.suffix != ".yaml"
                and path.suffix.lower() in (".yml", ".yaml")
            ):
                return f"{path}: files of a conf folder end in .yaml; rename it to {name}.yaml"
            if path.stem.lower() == name.lower() and path.suffix == ".yaml":
                return f"{group}: there is no {group} {name!r}; the file is {path.name}"
        for path in (place / f"{name}.yaml", place / f"{name}.yml"):
            if path.is_file() and place.resolve().name == group:
                return f"--config conf={folder}: one folder too deep; write conf={place.parent}"
            if path.is_file():
                return f"{path}: it must stand in {place / group}/, as {name}.yaml; move it"
    return None


def file_of_group(group: str, choice: str | None, folder: str | None) -> Path | None:
    """The file that a choice such as ``model=conv`` names."""
    places = [CONF, *([Path(folder)] if folder else [])]
    files = [place / group / f"{choice}.yaml" for place in places]
    return next((path for path in files if choice and path.is_file()), None)


def check_group(
    group: str, choice: str | None, composed: dict, overrides: list[str], folder: str | None
) -> None:
    """Raise UserError if a study names another ``_target_`` than the file of its group, and keys of
    that file are left.

    They were written for other code. An override of ``_target_`` alone is meant so.
    """
    path = file_of_group(group, choice, folder)
    if path is None or any(word.lstrip("+").startswith(f"{group}._target_=") for word in overrides):
        return
    own = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(own, dict)
    target = composed.get("_target_")
    if "_target_" not in own or target == own["_target_"]:
        return
    left = [str(key) for key in own if key in composed and composed[key] == own[key]]
    if left:
        shown = path.relative_to(CONF.parent) if path.is_relative_to(CONF) else path
        raise UserError(
            f"{group}: {target} would get the keys of {shown} too ({', '.join(left)}); "
            f"write '- override /{group}: null' in the study's defaults, and all keys in the study"
        )
