"""Images that were loaded wrong and are all of one value."""

import numpy as np

SOURCE = "avalonstrel/GatedConvolution_pytorch#27"
OUTCOME = "refused"
SAYS = "the train images are all the same: every pixel of a channel has one value ([255.0])"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = np.full((n, 1, 2, 2), 255, np.uint8), np.arange(n) % 2
    return made
