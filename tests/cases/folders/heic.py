"""Photographs as .heic among others: without them the classes would be other ones."""

SOURCE = "replicate/dreambooth#23"
OUTCOME = "refused"
SAYS = "2.HEIC: .heic is not a supported kind of image; convert or remove such files"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / name / f"{i}.png", grey + i)
    (folder / "cat" / "2.HEIC").write_bytes(b"ftypheic")
