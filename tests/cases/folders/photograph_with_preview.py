"""A .jpg of a phone with a small copy in the file: the photograph is taken."""

from PIL import Image

SOURCE = "Pillow documentation: Image file formats, MPO"
OUTCOME = "trains"


def make(folder, save):
    for i, name in enumerate(("cat", "dog")):
        folder.joinpath(name).mkdir(parents=True)
        for k in range(2):
            image, preview = (Image.new("L", (16, 16), grey) for grey in (100 + 2 * i + k, 0))
            image.save(folder / name / f"{k}.jpg", "MPO", save_all=True, append_images=[preview])


def expected():
    return {"all": [(i, 100 + 2 * i + k) for i in range(2) for k in range(2)]}
