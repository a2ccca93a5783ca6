"""From the name of a study and overrides to its composed, checked config (Hydra)."""

import difflib
import os
import re
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from smallbatch.config.checks import check, check_name
from smallbatch.config.own_folder import (
    CONF,
    check_folder,
    check_group,
    check_installed,
    why_not_found,
)
from smallbatch.config.schema import Config
from smallbatch.config.words import quoted, readable, without_password
from smallbatch.core.errors import UserError
from smallbatch.core.records import StudyConfig
from smallbatch.data import image_folder

# Overrides that don't change what is studied: not in the title.
QUIET = (
    "accept_code",
    "training.",
    "tracking",
    "dataset.mirror",
    "dataset.download",
    "dataset.sha256",
)

ConfigStore.instance().store(name="schema", node=Config)


def compose(study: str, overrides: list[str], folder: str | None = None) -> dict:
    """The study as plain Python, with ``study`` and ``overrides`` added; raises UserError.

    `folder` is the user's own conf folder, searched beside the project's.
    """
    check_installed()
    search = []
    if folder is not None:
        check_folder(folder, study)
        search = [f"hydra.searchpath=[{quoted(f'file://{Path(folder).resolve()}')}]"]
    if Path(study).suffix in (".yaml", ".yml"):
        raise UserError(f"study: {study!r} is not a name; write study={Path(study).stem}")
    try:
        check_name("study", study)
    except ValueError as error:
        raise UserError(str(error)) from error
    # A batch size that has no rates of its own yet may be given some: ++ adds or replaces.
    words = [
        f"++{word}" if re.match(r"grid\.(arms\.[\w-]+\.)?base_lr_at\.", word) else readable(word)
        for word in overrides
    ]
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF.resolve()), version_base="1.3"):
            composed = hydra_compose(
                "config", [f"study={quoted(study)}", *search, *words], return_hydra_config=True
            )
        choices = dict(composed.hydra.runtime.choices)
        with open_dict(composed):
            del composed["hydra"]
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f"{place.name}, line {place.line + 1}" if place else f"study {study}"
        raise UserError(
            f"{where}: not valid YAML ({getattr(error, 'problem', None) or error})"
        ) from error
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise UserError(without_password(_sentence(_whole_text(error), folder))) from error
    return checked(study, composed, overrides, choices, folder)


def checked(
    study: str, composed: Any, overrides: list[str], choices: dict[str, Any], folder: str | None
) -> StudyConfig:
    """A composed config as plain Python, checked; raises UserError. `choices` are the files of the
    groups: ``{"model": "conv"}``."""
    try:
        # Once more against the classes: Hydra lets +key=value add what no class has.
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
        config: Any = OmegaConf.to_container(OmegaConf.merge(OmegaConf.structured(Config), plain))
        config = _whole_study(config, overrides)
        for group in ("model", "dataset"):
            check_group(group, choices.get(group), config[group], overrides, folder)
        own_images = config["dataset"].get("_target_") == image_folder.TARGET
        for key in ("mirror", "folder") if own_images else ("mirror",):
            path = config["dataset"].get(key)
            if isinstance(path, str) and path.startswith("~"):
                config["dataset"][key] = os.path.expanduser(path)
        if own_images:
            config["dataset"] = image_folder.described(config["dataset"])
        check(config)
    except OmegaConfBaseException as error:
        raise UserError(_sentence(str(error))) from error
    except ValueError as error:
        raise UserError(f"study {study}: {error}") from error
    changes = [override for override in overrides if not override.lstrip("+~").startswith(QUIET)]
    return {"study": study, "overrides": changes, "given": list(overrides)} | config


def _whole_study(config: Any, overrides: list[str]) -> dict:
    """Rates given on the command line hold for every batch size and arm, unless those are given
    there too."""
    given = {override.lstrip("+").partition("=")[0] for override in overrides}
    if "grid.base_lr" in given:
        grid = config["grid"]
        for path, axes in [
            ("grid", grid),
            *((f"grid.arms.{name}", arm) for name, arm in grid["arms"].items()),
        ]:
            if f"{path}.base_lr_at" not in given:
                axes["base_lr_at"] = {
                    key: rates
                    for key, rates in axes["base_lr_at"].items()
                    if f"{path}.base_lr_at.{key}" in given
                }
            if path != "grid" and f"{path}.base_lr" not in given:
                axes["base_lr"] = None
    return config


def _whole_text(error: BaseException) -> str:
    """The message with that of its cause: Hydra names the override in one and what is wrong in the
    other."""
    texts = [str(error)]
    cause = error.__cause__
    while cause is not None and str(cause) not in texts[-1]:
        texts.append(str(cause))
        cause = cause.__cause__
    return "\n".join(texts)


def _sentence(message: str, folder: str | None = None) -> str:
    """One sentence out of Hydra's and OmegaConf's messages, with the nearest known name."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    text = " ".join(lines)
    where = match[1] if (match := re.match(r"In '([^']+)': ", text)) and "/" in match[1] else None
    own = where and folder and (Path(folder) / f"{where}.yaml").is_file()
    prefix = f"{folder if own else 'conf'}/{where}.yaml: " if where else ""
    if match := re.search(r"Could not override '\w+@study", text):
        return f"study: the first line of its file must be '# @package _global_' ({text})"
    if match := re.search(r"Could not find '([\w-]+)/([\w-]+)'", text):
        group, name = match[1], match[2]
        if almost := why_not_found(group, name, folder):
            return almost
        known = [line for line in lines if re.fullmatch(r"[\w-]+", line)]
        return f"{group}: there is no {group} {name!r}{_nearest(name, known)}"
    if match := re.search(r"Key '?([\w-]+)'? not in '(\w+)'.* full_key: ([\w.\[\]-]+)", text):
        return f"{prefix}{match[3]}: there is no such key{_nearest(match[1], _fields(match[2]))}"
    if match := re.search(r"Could not override '([\w.-]+)'", text):
        *parents, key = match[1].split(".")
        if parents in (["model"], ["dataset"]):  # their keys are the arguments of what they name
            return f"{match[1]}: there is no such key; write +{match[1]}=VALUE to pass it on as an argument"
        return f"{match[1]}: there is no such key{_nearest(key, _fields_at(parents))}"
    if match := re.search(
        r"(Value '.*?' of type '\w+' could not be converted to \w+).* full_key: ([\w.\[\]-]+)", text
    ):
        return f"{prefix}{match[2]}: {match[1][0].lower()}{match[1][1:]}"
    if match := re.search(r"full_key: ([\w.\[\]-]+)", text):
        reason = next(line for line in lines if not line.startswith(("Error merging", "In '")))
        fix = (
            f"; write a list, for example {match[1]}=[8]" if "is not a ListConfig" in reason else ""
        )
        return f"{prefix}{match[1]}: {reason.rstrip('.')}{fix}"
    if match := re.search(r"Ambiguous value for argument '([^=]*)=(.*?)'", text):
        return (
            f"{match[1]}: {match[2]} holds a comma, which separates values of a list; "
            f"put it in quotes ({match[1]}='{match[2]}'), or write a list ({match[1]}=[{match[2]}])"
        )
    if match := re.search(
        r"(no viable alternative|mismatched input|extraneous input|missing EQUAL|Lexer\w+: )", text
    ):
        return (
            "an override cannot be read ("
            + re.sub(r" See https.*", "", text)
            + "); write key=value, lists as key=[1,2] without spaces, and other values in quotes"
        )
    return prefix + re.sub(r" See https://\S+.*| \^.*", "", text)


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return (
        f"; did you mean {near[0]}?" if near else (f" (known: {', '.join(known)})" if known else "")
    )


def _fields(type_name: str) -> list[str]:
    import smallbatch.config.schema as classes

    return list(getattr(getattr(classes, type_name, None), "__dataclass_fields__", {}))


def _fields_at(parents: list[str]) -> list[str]:
    node: Any = Config
    for parent in parents:
        fields = getattr(node, "__dataclass_fields__", {})
        node = fields[parent].type if parent in fields else None
    return list(getattr(node, "__dataclass_fields__", {}))
