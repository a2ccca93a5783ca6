"""`train` and `test` inside of each class."""

SOURCE = "fastai/fastai#634"
OUTCOME = "refused"
SAYS = "a split inside of a class; write train/CLASS/… and test/CLASS/…"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / name / "train" / f"{i}.png", grey + i)
            save(folder / name / "test" / f"{i}.png", 100 + grey + i)
