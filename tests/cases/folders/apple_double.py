"""The files `._0.png` that macOS writes beside images on other disks."""

SOURCE = "Hedlen/MEFLUT#11"
OUTCOME = "warned"
SAYS = "files that are not taken as images: 2 ._*"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(4):
            save(folder / name / f"{i}.png", grey + i)
        (folder / name / "._0.png").write_bytes(bytes.fromhex("00051607"))


def expected():
    return {"all": [(label, grey + i) for label, grey in ((0, 10), (1, 20)) for i in range(4)]}
