"""Folders of folds for cross-validation, each with all classes."""

SOURCE = "fastai/fastai#1552"
OUTCOME = "refused"
SAYS = "fold0 and fold1 hold the same folders of images (cat, dog), so they look like splits, not classes; write train/CLASS/… and test/CLASS/…"


def make(folder, save):
    for k, split in enumerate(("fold0", "fold1", "fold2")):
        for name, grey in (("cat", 10), ("dog", 20)):
            for i in range(2):
                save(folder / split / name / f"{i}.png", 100 * k + grey + i)
