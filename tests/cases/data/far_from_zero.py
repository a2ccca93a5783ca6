"""Values far from zero, such as times in seconds, which single precision rounds to a few steps."""

import numpy as np

SOURCE = "scikit-learn/scikit-learn#19726"
OUTCOME = "refused"
SAYS = "channel 0 of the train images varies by 688 around 1.7e+09, which float32 cannot resolve; subtract the mean and scale the rest"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (1.7e9 + 100 * np.arange(4 * n)).reshape(n, 1, 2, 2), np.arange(n) % 2
    return made
