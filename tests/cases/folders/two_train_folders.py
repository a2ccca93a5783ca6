"""Folders `train` and `Training` side by side."""

SOURCE = "fastai/fastai#1129"
OUTCOME = "refused"
SAYS = "Training and train are both train; write train/CLASS/… and test/CLASS/…"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / "train" / name / f"{i}.png", grey + i)
            save(folder / "test" / name / f"{i}.png", 100 + grey + i)
            save(folder / "Training" / name / f"{i}.png", 200 + grey + i)
