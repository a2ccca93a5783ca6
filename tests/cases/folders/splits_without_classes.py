"""`train` and `test` that hold images and no classes: they would be two classes."""

SOURCE = "fastai/fastai#634"
OUTCOME = "refused"
SAYS = "it holds 0 folders of images; write one folder per class, two at least"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / "train" / f"{name}{i}.png", grey + i)
            save(folder / "test" / f"{name}{i}.png", 100 + grey + i)
