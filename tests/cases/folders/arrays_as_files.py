"""Arrays saved as .npy, as medical data comes."""

SOURCE = "NumPy documentation: numpy.save"
OUTCOME = "refused"
SAYS = "2.npy: .npy is not a supported kind of image; convert or remove such files"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / name / f"{i}.png", grey + i)
    (folder / "cat" / "2.npy").write_bytes(b"NUMPY")
