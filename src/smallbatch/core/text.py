"""Readable names of settings, shared by the figures and the report."""

from typing import Any


def norm_text(norm: str, bn_batch_size: Any, batch_size: int) -> str:
    """``no norm``, ``group norm``, ``BN over the batch``, ``BN over 4``."""
    if norm == "none":
        return "no norm"
    if norm == "gn":
        return "group norm"
    return "BN over the batch" if bn_batch_size == batch_size else f"BN over {bn_batch_size}"


def kind_text(norm: str) -> str:
    """``no norm``, ``batch norm``, ``group norm``, without the BN batch size."""
    return {"none": "no norm", "bn": "batch norm", "gn": "group norm"}[norm]


def budget_text(budget: str) -> str:
    """``10 epochs`` for ``epochs:10``."""
    kind, _, amount = budget.partition(":")
    return f"{int(amount):,} {kind if int(amount) > 1 else kind[:-1]}"


def count_text(number: int, what: str) -> str:
    """``1 point``, ``1,840 points``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def counts_text(numbers: Any) -> str:
    """``10``, or ``8 to 10``."""
    if not len(numbers):
        return "0"
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low}" if low == high else f"{low} to {high}"
