"""A folder with a link to itself."""

SOURCE = "fastai/fastai#2270"
OUTCOME = "refused"
SAYS = "again: the link leads back to a folder that it is in; remove it"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / name / f"{i}.png", grey + i)
    (folder / "cat" / "again").symlink_to(folder / "cat")
