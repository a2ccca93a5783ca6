"""A photograph whose camera noted that it lay on its side."""

import numpy as np
from PIL import Image

SOURCE = "kohya-ss/sd-scripts#1316"
OUTCOME = "trains"


def make(folder, save):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees: the left column is the top row
    for i, name in enumerate(("cat", "dog")):
        folder.joinpath(name).mkdir(parents=True)
        for k in range(2):
            pixels = np.array([[1 + i, 2], [3, 4 + k]], np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{k}.png", exif=exif)


def expected():
    return {"all": [(i, [[3, 1 + i], [4 + k, 2]]) for i in range(2) for k in range(2)]}
