"""The length of training: budgets and final epochs."""

import math
import re


def updates_in(budget: str, batch_size: int, train_size: int) -> int:
    """The number of updates of `batch_size` examples in ``epochs:E``, ``updates:U`` or
    ``examples:X``.

    Epochs and examples are rounded down to whole updates. Raises ValueError, with the fix, for a
    budget that is invalid or shorter than one update.
    """
    kind, amount = _parsed(budget)
    if kind == "updates":
        return amount
    updates = examples_in(budget, train_size) // batch_size
    if not updates:
        raise ValueError(
            f"{budget} holds no whole batch of {batch_size}; make the budget longer or the batch smaller"
        )
    return updates


def examples_in(budget: str, train_size: int) -> int:
    """The number of examples in ``epochs:E`` or ``examples:X``; raises ValueError for a budget in
    updates."""
    kind, amount = _parsed(budget)
    if kind == "updates":
        raise ValueError(
            f"{budget} says nothing of examples, and this schedule chooses how many an update has; "
            "write epochs:E or examples:X"
        )
    return amount * (train_size if kind == "epochs" else 1)


def _parsed(budget: str) -> tuple[str, int]:
    kind, _, amount = budget.partition(":")
    if kind not in ("epochs", "updates", "examples") or not re.fullmatch(r"[1-9]\d*", amount):
        raise ValueError(
            f"{budget!r} is not a budget; write epochs:E, updates:U or examples:X with a whole number"
        )
    return kind, int(amount)


def final_epochs(epochs: list[int]) -> list[int]:
    """The last 6% of the epochs, at least one: final accuracy is the median over these."""
    return epochs[-max(1, math.floor(0.06 * len(epochs))) :]
