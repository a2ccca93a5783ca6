"""A TIFF of several pages."""

from PIL import Image

SOURCE = "PaddlePaddle/PaddleX#5129"
OUTCOME = "refused"
SAYS = "1.tif: it holds 2 images; save one of them as a file of its own"


def make(folder, save):
    for i in range(2):
        save(folder / "cat" / f"{i}.png", 10 + i)
        save(folder / "dog" / f"{i}.tif", i)
    pages = [Image.new("L", (2, 2), grey) for grey in (5, 6)]
    pages[0].save(folder / "dog" / "1.tif", save_all=True, append_images=pages[1:])
