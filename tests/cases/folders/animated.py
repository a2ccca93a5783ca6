"""An animated GIF."""

from PIL import Image

SOURCE = "yuecao0119/MMInstruct#4"
OUTCOME = "refused"
SAYS = "1.gif: it holds 3 images; save one of them as a file of its own"


def make(folder, save):
    for i in range(2):
        save(folder / "cat" / f"{i}.png", 10 + i)
        save(folder / "dog" / f"{i}.gif", i)
    frames = [Image.new("L", (2, 2), grey) for grey in (5, 6, 7)]
    frames[0].save(folder / "dog" / "1.gif", save_all=True, append_images=frames[1:])
