"""Labels and notes beside the images, and an image beside the folders."""

SOURCE = "apple/turicreate#641"
OUTCOME = "warned"
SAYS = "files that are not taken as images: 1 *.csv, 1 *.npz, 2 *.txt, 1 images beside the folders"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(4):
            save(folder / name / f"{i}.png", grey + i)
        (folder / name / "notes.TXT").write_text("all sharp")
    (folder / "labels.csv").write_text("0,cat")
    (folder / "all.npz").write_bytes(b"PK")
    save(folder / "overview.png", 0)


def expected():
    return {"all": [(label, grey + i) for label, grey in ((0, 10), (1, 20)) for i in range(4)]}
