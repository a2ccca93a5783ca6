"""A folder of masks inside of a class."""

SOURCE = "haesleinhuepf/apoc#37"
OUTCOME = "warned"
SAYS = "images in folders inside of a class, taken as images of the class: 4, the first is dog/masks/0.png"


def make(folder, save):
    for i in range(4):
        save(folder / "cat" / f"{i}.png", 10 + i)
        save(folder / "dog" / f"{i}.png", 20 + i)
        save(folder / "dog" / "masks" / f"{i}.png", 200 + i)


def expected():
    greys = [(0, 10), (1, 20), (1, 200)]
    return {"all": [(label, grey + i) for label, grey in greys for i in range(4)]}
