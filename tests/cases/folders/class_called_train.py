"""Classes of vehicles, one of them `train`."""

SOURCE = "fastai/fastai#634"
OUTCOME = "trains"


def make(folder, save):
    for name, grey in (("car", 10), ("train", 20)):
        for i in range(4):
            save(folder / name / f"{i}.png", grey + i)


def expected():
    return {"all": [(0, 10), (0, 11), (0, 12), (0, 13), (1, 20), (1, 21), (1, 22), (1, 23)]}
