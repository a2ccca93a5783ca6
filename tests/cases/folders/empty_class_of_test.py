"""A class without test images."""

SOURCE = "huggingface/pytorch-image-models#957"
OUTCOME = "refused"
SAYS = "test: the folder of class 'dog' is missing; every class needs images in each"


def make(folder, save):
    for name in ("cat", "dog", "fox"):
        for i in range(2):
            save(folder / "train" / name / f"{i}.png", i)
            if name != "dog":
                save(folder / "test" / name / f"{i}.png", 9 + i)
