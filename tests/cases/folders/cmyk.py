"""Images in the colours of printers, as Pillow converts them without a profile."""

from PIL import Image

SOURCE = "vlfeat/matconvnet#91"
OUTCOME = "trains"
DATASET = {"shape": [3, 2, 2]}


def make(folder, save):
    for i in range(2):
        save(folder / "cat" / f"{i}.tif", Image.new("CMYK", (2, 2), (255, i, 0, 0)))
        save(folder / "dog" / f"{i}.tif", Image.new("CMYK", (2, 2), (0, 0, 255, i)))


def expected():
    return {"all": [(0, [0, 255, 255]), (0, [0, 254, 255]), (1, [255, 255, 0]), (1, [254, 254, 0])]}
