"""Folders named training_set and test_set."""

SOURCE = "fastai/fastai#1552"
OUTCOME = "trains"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / "training_set" / name / f"{i}.png", grey + i)
            save(folder / "test_set" / name / f"{i}.png", 100 + grey + i)


def expected():
    return {
        "train": [(0, 10), (0, 11), (1, 20), (1, 21)],
        "test": [(0, 110), (0, 111), (1, 120), (1, 121)],
    }
