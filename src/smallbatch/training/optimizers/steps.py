"""Create the optimizer of a fleet from its config. The list of optimizers is in `kinds.py`."""

from collections.abc import Callable, Sequence

import torch

from smallbatch.core.records import OptimizerSettings
from smallbatch.training.optimizers.adamw import AdamW
from smallbatch.training.optimizers.kinds import optimizer_kind
from smallbatch.training.optimizers.sgd import SGD

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8  # Kingma & Ba 2015


def make_optimizer(
    config: OptimizerSettings, parameters: Sequence[torch.Tensor], replicas: int, m: int | None
) -> SGD | AdamW:
    """Create the optimizer of `config` (``conf/optimizer/``) for updates of `m` examples; raises
    ValueError for an unknown name."""
    optimizer_kind(config)  # check the name
    return FACTORIES[config.get("name", "sgd")](config, parameters, replicas, m)


def _sgd(
    config: OptimizerSettings, parameters: Sequence[torch.Tensor], replicas: int, m: int | None
) -> SGD:
    return SGD(
        parameters,
        replicas,
        config["momentum"],
        config["weight_decay"],
        bool(config.get("nesterov")),
    )


def _adamw(
    config: OptimizerSettings, parameters: Sequence[torch.Tensor], replicas: int, m: int | None
) -> AdamW:
    betas = config.get("beta1") or BETA1, beta2(config, m)
    return AdamW(parameters, replicas, *betas, config.get("eps") or EPS, config["weight_decay"])


Factory = Callable[[OptimizerSettings, Sequence[torch.Tensor], int, int | None], SGD | AdamW]
FACTORIES: dict[str, Factory] = {"sgd": _sgd, "adamw": _adamw}  # a function for each of OPTIMIZERS


def beta2(config: OptimizerSettings, m: int | None) -> float:
    """β₂ from the config, or from its half-life in examples: β₂^(half-life / m) = 1/2 (Marek et al.
    2025, arXiv 2507.07101)."""
    half_life = config.get("half_life")
    if not half_life:
        return config.get("beta2") or BETA2
    assert m is not None, "a half-life in examples needs the examples of an update"
    return 0.5 ** (m / half_life)
