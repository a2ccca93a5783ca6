"""A link to an image that is not there."""

SOURCE = "CAMMA-public/Endoscapes#3"
OUTCOME = "refused"
SAYS = "2.png: the link leads nowhere; repair or remove it"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / name / f"{i}.png", grey + i)
    (folder / "cat" / "2.png").symlink_to(folder / "missing.png")
