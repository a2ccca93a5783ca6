"""A folder `val` beside `train` and `test`: its images are the validation images, all of them."""

SOURCE = "huggingface/datasets#4839"
OUTCOME = "trains"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / "train" / name / f"{i}.png", grey + i)
            save(folder / "test" / name / f"{i}.png", 100 + grey + i)
            save(folder / "val" / name / f"{i}.png", 200 + grey + i)


def expected():
    return {
        "train": [(0, 10), (0, 11), (1, 20), (1, 21)],
        "test": [(0, 110), (0, 111), (1, 120), (1, 121)],
        "validation": [(0, 210), (0, 211), (1, 220), (1, 221)],
    }
