"""Classes `A` and `a`: two of letters, but perhaps one that was put together where case tells names apart."""

SOURCE = "ryanjcooper/EMNIST#8"
OUTCOME = "warned"
SAYS = "classes that differ by case alone: A, a"


def make(folder, save):
    for name, grey in (("A", 10), ("a", 20), ("b", 30)):
        for i in range(4):
            save(folder / name / f"{i}.png", grey + i)


def expected():
    return {"all": [(label, 10 * (label + 1) + i) for label in range(3) for i in range(4)]}
