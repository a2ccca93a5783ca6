"""Double-precision pixels that single precision cannot hold."""

import numpy as np

SOURCE = "NRCan/geo-deep-learning#68"
OUTCOME = "refused"
SAYS = "the train images are not finite: image 1, channel 0 has inf (1 of 24 values); replace them"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = (
            np.where(np.arange(4.0 * n) == 5, 1e300, np.arange(4.0 * n)).reshape(n, 1, 2, 2),
            np.arange(n) % 2,
        )
    return made
