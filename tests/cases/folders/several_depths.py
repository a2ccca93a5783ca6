"""Images of 8 and of 16 bits: white would be 255 and 65535."""

import numpy as np

SOURCE = "python-pillow/Pillow#3838"
OUTCOME = "refused"
SAYS = "0.png: its pixels are integers of 16 or 32 bits, those of "


def make(folder, save):
    for i in range(2):
        save(folder / "cat" / f"{i}.png", 10 + i)
        save(folder / "dog" / f"{i}.png", np.full((2, 2), 65535, np.uint16))
