"""Grey TIFF of 16 bits, most significant byte first."""

import numpy as np

SOURCE = "python-pillow/Pillow#5991"
OUTCOME = "trains"


def make(folder, save):
    for i, name in enumerate(("cat", "dog")):
        for k in range(2):
            pixels = np.array([[0, 257], [30000, 65535 - 2 * i - k]], np.uint16)
            save(folder / name / f"{k}.tif", pixels.astype(">u2"))


def expected():
    return {
        "all": [
            (i, np.array([[0, 257], [30000, 65535 - 2 * i - k]], np.float32))
            for i in range(2)
            for k in range(2)
        ]
    }
