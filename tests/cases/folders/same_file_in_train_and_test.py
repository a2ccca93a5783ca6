"""A file that stands in train and in test."""

SOURCE = "stefyste/RIAWELC#2"
OUTCOME = "warned"
SAYS = "files that stand in two splits or classes: 2, the first is test/cat/0.png, the same as train/cat/0.png"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / "train" / name / f"{i}.png", grey + i)
            save(folder / "test" / name / f"{i}.png", 100 + grey + i if i else grey)


def expected():
    return {
        "train": [(0, 10), (0, 11), (1, 20), (1, 21)],
        "test": [(0, 10), (0, 111), (1, 20), (1, 121)],
    }
