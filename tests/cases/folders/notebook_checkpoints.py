"""Copies of images in `.ipynb_checkpoints`, as a class and within one."""

SOURCE = "open-mmlab/mmpretrain#507"
OUTCOME = "warned"
SAYS = "files that are not taken as images: 2 .ipynb_checkpoints"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(4):
            save(folder / name / f"{i}.png", grey + i)
    save(folder / ".ipynb_checkpoints" / "0.png", 255)
    save(folder / "cat" / ".ipynb_checkpoints" / "0-checkpoint.png", 10)


def expected():
    return {"all": [(label, grey + i) for label, grey in ((0, 10), (1, 20)) for i in range(4)]}
