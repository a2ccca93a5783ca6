"""Grey with transparency, and a grey that stands for transparent."""

from PIL import Image

SOURCE = "kohya-ss/sd-scripts#1269"
OUTCOME = "trains"


def make(folder, save):
    for i in range(2):
        save(folder / "cat" / f"{i}.png", Image.new("LA", (2, 2), (7, 255 * i)))
        folder.joinpath("dog").mkdir(exist_ok=True)
        Image.new("L", (2, 2), 8 + i).save(folder / "dog" / f"{i}.png", transparency=9)


def expected():
    return {"all": [(0, 7), (0, 255), (1, 8), (1, 255)]}
