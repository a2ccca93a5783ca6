"""A file with the name of an image that is none."""

SOURCE = "rom1504/clip-retrieval#298"
OUTCOME = "refused"
SAYS = "1.png: not a readable image ("


def make(folder, save):
    for name, grey in (("cat", 10), ("dog", 20)):
        for i in range(2):
            save(folder / name / f"{i}.png", grey + i)
    (folder / "cat" / "1.png").write_bytes(b"<html>404</html>")
