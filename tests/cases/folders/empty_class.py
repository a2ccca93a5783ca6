"""A class without images."""

SOURCE = "pytorch/vision#4925"
OUTCOME = "refused"
SAYS = "bird: a class needs two images at least ("


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / name / f"{i}.png", grey + i)
    (folder / "bird").mkdir()
