"""A class whose accent is one character on one machine and two on another."""

import unicodedata

SOURCE = "knobiknows/all-the-bufo#82"
OUTCOME = "refused"
SAYS = (
    ": a class of the same name, written otherwise, is there too; put them together, or rename one"
)


def make(folder, save):
    for form in ("NFC", "NFD"):
        for i in range(2):
            save(folder / unicodedata.normalize(form, "señor") / f"{i}.png", i)
