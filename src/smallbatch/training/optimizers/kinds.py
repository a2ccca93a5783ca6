"""The list of optimizers with their properties, without torch, for planning and the prediction of
memory.

To add one:
1. a file in `conf/optimizer/`, its keys in `schema.Optimizer` (with default null, so that the
   digests of existing points do not change) and `records.OptimizerSettings`, and their bounds in
   `checks._check_optimizer`;
2. an entry below;
3. a class like `SGD` (`sgd.py`), and a function that creates it from the config in
   `steps.FACTORIES`;
4. a line in `tests/unit/training/test_optimizers.py`, which compares it with torch's optimizer, and
   in the documentation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from smallbatch.core.records import OptimizerSettings


@dataclass(frozen=True)
class OptimizerKind:
    """The keys of an optimizer's config and its requirements."""

    keys: tuple[str, ...]  # of the config, those that not all optimizers have
    # Numbers stored per weight, in addition to the weight.
    state_per_weight: Callable[[OptimizerSettings], int]
    compiled: bool  # whether the compiled step supports it


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
    """The kind of an optimizer, by the name in its config; raises ValueError for an unknown
    name."""
    name = config.get("name", "sgd")
    if name not in OPTIMIZERS:
        raise ValueError(
            f"optimizer.name: {name!r} is not an optimizer; write {' or '.join(OPTIMIZERS)}"
        )
    return OPTIMIZERS[name]
