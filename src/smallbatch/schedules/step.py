"""The step schedule: the learning rate is multiplied by a factor at given fractions of the budget."""


def factor_at(update: int, updates: int, drops: list[float], factor: float) -> float:
    """What the learning rate of update `update` (from 0) of `updates` is multiplied by.

    A drop at fraction f applies from the first update at or after ``f * updates``.
    """
    # 0.55 * 100 is a little above 55 in floats; nobody means that.
    return factor ** sum(update >= fraction * updates - 1e-9 * updates for fraction in drops)
