"""Grey TIFF of floats with a pixel that is not a number."""

import numpy as np

SOURCE = "NRCan/geo-deep-learning#68"
OUTCOME = "refused"
SAYS = "0.tiff: some of its pixels are not numbers; repair or remove it"


def make(folder, save):
    for name in ("cat", "dog"):
        for k in range(2):
            save(folder / name / f"{k}.tiff", np.array([[0, k], [1, np.nan]], np.float32))
