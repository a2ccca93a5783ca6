"""Labels that begin at 1."""

import numpy as np

SOURCE = "pytorch/pytorch#18014"
OUTCOME = "refused"
SAYS = "dataset.classes: 2 in conf, but labels_from_one has labels 1 to 2; labels start at 0, so subtract 1 from each"


def data(sizes):
    made = {}
    for split, n in sizes.items():
        made[split] = np.arange(4 * n, dtype=np.uint8).reshape(n, 1, 2, 2), 1 + np.arange(n) % 2
    return made
