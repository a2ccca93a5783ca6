"""How long a point trains: budgets, epochs and scored epochs, in updates."""

import math
import re


def updates_in(budget: str, batch_size: int, train_size: int) -> int:
    """The number of updates of `batch_size` examples in ``epochs:E``, ``updates:U`` or ``examples:X``.

    Epochs and examples are rounded down to whole updates. Raises ValueError with the fix.
    """
    kind, _, amount = budget.partition(":")
    if kind not in ("epochs", "updates", "examples") or not re.fullmatch(r"[1-9]\d*", amount):
        raise ValueError(f"{budget!r} is not a budget; write epochs:E, updates:U or examples:X with a whole number")
    if kind == "updates":
        return int(amount)
    updates = int(amount) * (train_size if kind == "epochs" else 1) // batch_size
    if not updates:
        raise ValueError(f"{budget} holds no whole batch of {batch_size}; make the budget longer or the batch smaller")
    return updates


def epoch_ends(updates: int, batch_size: int, train_size: int) -> list[tuple[int, int]]:
    """``(epoch, update)`` for each epoch: it ends at the first update that reaches its last example.

    The last one ends with the budget. Where one update spans several epochs, they end as one.
    """
    last = math.ceil(updates * batch_size / train_size)
    ends = {min(math.ceil(epoch * train_size / batch_size), updates): epoch for epoch in range(1, last + 1)}
    return [(epoch, update) for update, epoch in ends.items()]


def final_epochs(epochs: list[int]) -> list[int]:
    """The last 6% of the epochs, at least one: where final accuracy is read (its median over them)."""
    return epochs[-max(1, math.floor(0.06 * len(epochs))) :]
