"""The optimizers that there are, and what is known of each without torch: planning and prediction
of memory read this.

To add one:
1. a file of `conf/optimizer/`, its keys in `schema.Optimizer` (their defaults null, so that points trained before keep their
   digests) and `records.OptimizerSettings`, with their bounds in `checks._check_optimizer`;
2. an entry below;
3. a class like `SGD` (`sgd.py`), and what makes one from the config in `steps.FACTORIES`;
4. a line in `tests/unit/training/test_optimizers.py`, which compares it with torch's own, and in the documentation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from smallbatch.core.records import OptimizerSettings


@dataclass(frozen=True)
class OptimizerKind:
    """What an optimizer's config may hold, and what it takes."""

    keys: tuple[str, ...]  # of the config, that not all optimizers have
    # numbers kept beside each weight, by the config
    state_per_weight: Callable[[OptimizerSettings], int]
    compiled: bool  # whether the compiled step knows it


OPTIMIZERS = {
    "sgd": OptimizerKind(
        keys=("momentum", "nesterov"),
        state_per_weight=lambda config: 1 if config["momentum"] else 0,  # a velocity
        compiled=True,
    ),
    "adamw": OptimizerKind(
        keys=("beta1", "beta2", "half_life", "eps"),
        state_per_weight=lambda config: 2,  # moments
        compiled=False,
    ),
}


def optimizer_kind(config: Mapping[str, Any]) -> OptimizerKind:
    """Of an optimizer's config; raises ValueError for a name that isn't in the list."""
    name = config.get("name", "sgd")
    if name not in OPTIMIZERS:
        raise ValueError(
            f"optimizer.name: {name!r} is not an optimizer; write {' or '.join(OPTIMIZERS)}"
        )
    return OPTIMIZERS[name]
