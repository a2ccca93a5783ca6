"""Folders of splits with names of their own, each in one of the same name, as archives unpack."""

SOURCE = "fastai/fastai#1552"
OUTCOME = "refused"
SAYS = "seg_test and seg_train hold the same folders of images (cat, dog), so they look like splits, not classes; write train/CLASS/… and test/CLASS/…"


def make(folder, save):
    for k, split in enumerate(("seg_train", "seg_test")):
        for name, grey in (("cat", 10), ("dog", 20)):
            for i in range(2):
                save(folder / split / split / name / f"{i}.png", 100 * k + grey + i)
