"""Folders of classes beside `train` and `test`."""

SOURCE = "fastai/fastai#634"
OUTCOME = "refused"
SAYS = "cat: images beside the folder test; write train/CLASS/… and test/CLASS/…"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / "train" / name / f"{i}.png", grey + i)
            save(folder / "test" / name / f"{i}.png", 100 + grey + i)
        save(folder / name / "9.png", grey)
