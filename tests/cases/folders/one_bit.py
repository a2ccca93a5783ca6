"""Black and white of one bit."""

from PIL import Image

SOURCE = "Pillow documentation: Concepts, Modes"
OUTCOME = "trains"


def make(folder, save):
    for i in range(2):
        save(folder / "cat" / f"{i}.png", Image.new("1", (2, 2), i))
        save(folder / "dog" / f"{i}.png", 10 + i)


def expected():
    return {"all": [(0, 0), (0, 255), (1, 10), (1, 11)]}
