"""Colours from a palette, one of which is transparent."""

from PIL import Image

SOURCE = "layumi/University1652-Baseline#17"
OUTCOME = "trains"
DATASET = {"shape": [3, 2, 2]}


def make(folder, save):
    for i, name in enumerate(("cat", "dog")):
        folder.joinpath(name).mkdir(parents=True)
        for k in range(2):
            image = Image.new("P", (2, 2), k)
            image.putpalette([10 + i, 0, 0, 20 + i, 0, 0])
            image.save(folder / name / f"{k}.png", transparency=1)


def expected():
    white = [255, 255, 255]
    return {"all": [(0, [10, 0, 0]), (0, white), (1, [11, 0, 0]), (1, white)]}
