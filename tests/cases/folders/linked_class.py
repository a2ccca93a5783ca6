"""Folders that are links to folders elsewhere, at any depth."""

SOURCE = "bhklab/med-imagetools#349"
OUTCOME = "trains"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder.parent / "elsewhere" / name / f"{i}.png", grey + i)
    (folder / "dog").mkdir(parents=True)
    (folder / "cat").symlink_to(folder.parent / "elsewhere" / "cat")
    (folder / "dog" / "first").symlink_to(folder.parent / "elsewhere" / "dog")


def expected():
    return {"all": [(0, 10), (0, 11), (1, 20), (1, 21)]}
