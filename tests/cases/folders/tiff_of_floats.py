"""Grey TIFF of floats from 0 to 1."""

import numpy as np

SOURCE = "menpo/menpo#516"
OUTCOME = "trains"


def pixels(i, k):
    return np.array([[0, 0.25], [0.5, 1 - 0.125 * i - 0.0625 * k]], np.float32)


def make(folder, save):
    for i, name in enumerate(("cat", "dog")):
        for k in range(2):
            save(folder / name / f"{k}.tiff", pixels(i, k))


def expected():
    return {"all": [(i, pixels(i, k)) for i in range(2) for k in range(2)]}
