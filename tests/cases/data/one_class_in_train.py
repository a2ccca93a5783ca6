"""Labels of one class alone, because the wrong column was read, say."""

import numpy as np

SOURCE = "kristinbranson/JAABA#81"
OUTCOME = "refused"
SAYS = "the train labels are all 1, so that there is nothing to tell apart; return train images of two classes at least"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), np.ones(n, int)
    return made
