"""Transparent and half transparent pixels: they are laid over white."""

from PIL import Image

SOURCE = "NVIDIA/DIGITS#85"
OUTCOME = "trains"
DATASET = {"shape": [3, 2, 2]}


def make(folder, save):
    for i in range(2):
        save(folder / "cat" / f"{i}.png", Image.new("RGBA", (2, 2), (i, 0, 0, 0)))
        save(folder / "dog" / f"{i}.png", Image.new("RGBA", (2, 2), (200 + i, 0, 100, 255 * i)))


def expected():
    white = [255, 255, 255]
    return {"all": [(0, white), (0, white), (1, white), (1, [201, 0, 100])]}
