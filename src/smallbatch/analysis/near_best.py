"""The settings that cannot be distinguished from the best: a model confidence set."""

import numpy as np
import pandas as pd

from smallbatch.analysis.claims.verdict import ALPHA
from smallbatch.analysis.effect import two_way
from smallbatch.analysis.measured import difference


def near_best(accuracies: list[pd.DataFrame], alpha: float = ALPHA) -> list[int]:
    """The positions of the accuracies ``[seeds, images]`` that cannot be distinguished from the
    best, in ascending order.

    With a chance of at least 1 - `alpha` all that are truly best are among them, however many there
    are (Hansen, Lunde & Nason 2011). As long as two of the n that are left differ significantly,
    at `alpha` over their n(n - 1) one-sided comparisons, the worse one of the clearest pair is left
    out. A truly best one is left out only if one of those comparisons is wrong.
    """
    n = len(accuracies)
    better = np.ones((n, n))  # p values against "the row's accuracy is not above the column's"
    for i in range(n):
        for j in range(i):
            gap = two_way(difference(accuracies[i], accuracies[j]))
            if gap.known:
                better[i, j], better[j, i] = gap.p_above(0.0), gap.p_below(0.0)
    left = list(range(n))
    while len(left) > 1:
        among = better[np.ix_(left, left)]
        if among.min() * among.size * (1 - 1 / len(left)) > alpha:
            break
        left.pop(int(among.argmin()) % len(left))
    return left
