"""What macOS, Windows and a NAS leave in folders."""

SOURCE = "pytorch/vision#109"
OUTCOME = "warned"
SAYS = "files that are not taken as images: 3 .DS_Store, 2 @eaDir, 2 Thumbs.db, 1 __MACOSX"


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(4):
            save(folder / name / f"{i}.png", grey + i)
        (folder / name / ".DS_Store").write_bytes(b"Bud1")
        (folder / name / "Thumbs.db").write_bytes(b"thumbs")
        save(folder / name / "@eaDir" / "0.png", 255)
    (folder / ".DS_Store").write_bytes(b"Bud1")
    save(folder / "__MACOSX" / "cat" / "._0.png", 255)


def expected():
    return {"all": [(label, grey + i) for label, grey in ((0, 10), (1, 20)) for i in range(4)]}
