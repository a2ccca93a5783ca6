"""Images in L*a*b*, which Pillow cannot convert."""

from PIL import Image

SOURCE = "Pillow documentation: Concepts, Modes"
OUTCOME = "refused"
SAYS = "0.tif: images of mode LAB are not supported; convert it to RGB or grey"


def make(folder, save):
    for i in range(2):
        save(folder / "cat" / f"{i}.png", 10 + i)
        save(folder / "dog" / f"{i}.tif", Image.new("LAB", (2, 2)))
