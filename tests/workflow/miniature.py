"""A shipped study in miniature: overrides that keep its axes, arms, schedules, claims and papers,
and make each of them small."""

import itertools

from smallbatch.config.compose import compose
from smallbatch.core.errors import UserError
from smallbatch.core.rates import format_rate, parse_rates
from smallbatch.planning.grid import expand

SIZES = {"train": 512, "validation": 64, "test": 64}
LARGEST = SIZES["train"] // 8  # batch size: eight updates an epoch
PIXELS = 8  # a side of an image, or the next number above that divides the study's
WIDE = "smallbatch.models.wide_resnet.WideResNet"  # millions of weights, which take seconds at every batch size
SEEDS = 2
EPOCHS = range(1, 5)
SHRINK = [2**k for k in range(10)]


def miniature(study: str) -> list[str]:
    """Overrides that train a study in seconds; raises AssertionError for one that cannot be made
    small.

    Batch sizes that do not fit the data are left out. Where that leaves an arm without any, or with
    one that its schedule does not take, all are divided by the same power of two instead. Epochs
    are the fewest that every schedule takes.
    """
    whole, tried = compose(study, []), []
    for shrink, epochs in itertools.product(SHRINK, EPOCHS):
        if not all(_sizes(arm, whole["grid"], shrink) for arm in _axes(whole).values()):
            continue
        asked = _overrides(whole, shrink, epochs)
        try:
            expand(compose(study, asked))
            return asked
        except (UserError, ValueError) as error:
            tried.append(f"{epochs} epochs, batch sizes ÷ {shrink}: {error}")
    raise AssertionError("\n".join([f"study {study} cannot be made small", *tried]))


def _overrides(whole: dict, shrink: int, epochs: int) -> list[str]:
    axes = _axes(whole)
    sizes = sorted({m for arm in axes.values() for m in _sizes(arm, whole["grid"], shrink)})
    changes = {f"dataset.sizes.{split}": n for split, n in SIZES.items()}
    if pixels := whole["dataset"].get("image_size"):
        changes["dataset.image_size"] = next(
            n for n in range(PIXELS, pixels + 1) if pixels % n == 0
        )
    if whole["model"]["_target_"] == WIDE:
        changes["model.width"] = 1
    changes |= {
        "grid.seeds": SEEDS,
        "grid.budget": f"epochs:{epochs}",
        "training.job_seconds": 3600,
    }
    for path, arm in axes.items():
        changes[f"{path}.batch_size"] = (
            sizes if path == "grid" else _sizes(arm, whole["grid"], shrink)
        )
        if arm["norm"]:
            changes[f"{path}.norm"] = [_norm(norm, shrink) for norm in _ends(arm["norm"])]
        changes |= _rates(path, arm, sizes, shrink)
        if path != "grid" and arm["budget"]:
            changes[f"{path}.budget"] = _budget(arm["budget"], shrink, epochs)
    for path, entry in _statements(whole).items():
        for key in ("batch_size", "limit", "up_to", "reference"):
            if entry.get(key) and shrink > 1:
                changes[f"{path}.{key}"] = max(entry[key] // shrink, 1)
        if entry["budget"]:
            changes[f"{path}.budget"] = _budget(entry["budget"], shrink, epochs)
    return [f"{key}={_text(value)}" for key, value in changes.items()]


def _axes(whole: dict) -> dict[str, dict]:
    """The grid and its arms by the path of their keys."""
    return {"grid": whole["grid"]} | {
        f"grid.arms.{name}": arm for name, arm in whole["grid"]["arms"].items()
    }


def _statements(whole: dict) -> dict[str, dict]:
    """What names batch sizes and budgets beside the grid: claims, and what papers reported."""
    claims = {f"claims.tests.{name}": claim for name, claim in whole["claims"]["tests"].items()}
    return claims | {
        f"papers.{paper}.reported.{name}": reported
        for paper, content in whole["papers"].items()
        for name, reported in content["reported"].items()
    }


def _sizes(arm: dict, grid: dict, shrink: int) -> list[int]:
    """The smallest and the largest batch size of an arm that fit the data and are whole batches of
    its batch norm."""
    ghosts = [int(norm.partition(":")[2] or 1) for norm in arm["norm"] or grid["norm"]]
    units = [max(ghost // shrink, 2) for ghost in ghosts if ghost > 1]
    divided = [
        m // shrink for m in sorted(arm["batch_size"] or grid["batch_size"]) if m % shrink == 0
    ]
    return _ends([m for m in divided if 2 <= m <= LARGEST and not any(m % unit for unit in units)])


def _rates(path: str, arm: dict, sizes: list[int], shrink: int) -> dict[str, list[float]]:
    """Two rates of each list of η̃, for the batch sizes that are left."""
    lists = {"base_lr": arm["base_lr"] or []}
    for key, rates in arm["base_lr_at"].items():
        m, _, norm = key.removeprefix("m").partition("_")
        if int(m) % shrink == 0 and int(m) // shrink in sizes:
            lists[f"base_lr_at.m{int(m) // shrink}{'_' if norm else ''}{norm}"] = rates
    return {
        f"{path}.{key}": _high(sorted(parse_rates(rates, key)))
        for key, rates in lists.items()
        if rates
    }


def _high(rates: list[float]) -> list[float]:
    """Two at two thirds of a list, where a short training reaches something and is not yet torn
    apart."""
    first = min(2 * len(rates) // 3, max(len(rates) - 2, 0))
    return rates[first : first + 2]


def _ends(values: list) -> list:
    return list(dict.fromkeys([*values[:1], *values[-1:]]))


def _norm(norm: str, shrink: int) -> str:
    kind, _, examples = norm.partition(":")
    return f"{kind}:{max(int(examples) // shrink, 2)}" if examples else norm


def _budget(budget: str, shrink: int, epochs: int) -> str:
    """As many updates as another batch size has, if that is what the study says; else the
    grid's."""
    kind, _, m = budget.partition(":")
    return f"updates_of:{max(int(m) // shrink, 1)}" if kind == "updates_of" else f"epochs:{epochs}"


def _text(value) -> str:
    if isinstance(value, list):
        return f"[{','.join(format_rate(one) if isinstance(one, float) else str(one) for one in value)}]"
    return str(value)
