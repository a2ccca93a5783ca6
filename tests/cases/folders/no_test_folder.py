"""Only `train` and `val`, as ImageNet comes."""

SOURCE = "huggingface/datasets#4015"
OUTCOME = "refused"
SAYS = "there is no folder test beside train, val; write train/CLASS/… and test/CLASS/… (and validation/CLASS/…), or CLASS/… alone"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / "train" / name / f"{i}.png", grey + i)
            save(folder / "val" / name / f"{i}.png", 100 + grey + i)
