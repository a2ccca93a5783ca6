"""Images of your own: a folder for each class, in ``train`` and ``test`` folders or split by a
fraction.

    FOLDER/cat/1.jpg FOLDER/dog/2.png …        or        FOLDER/train/cat/1.jpg … FOLDER/test/cat/9.jpg …

A ``validation`` folder beside these holds the validation images. Images may have any size: each is
cut to the shape of a study's images and resized (`image_pixels.py`).
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from smallbatch.data.image_content import content_digest, hashes_of, repeated
from smallbatch.data.image_files import Classes, Listing, alike_but_for_case, listing, nested
from smallbatch.data.image_pixels import read_images
from smallbatch.data.notes import DataNote
from smallbatch.data.split import Images, parts_of, three_splits

TARGET = "smallbatch.data.image_folder.load"


def load(
    sizes: dict[str, int],
    folder: str,
    shape: list[int],
    test: float,
    validation: float = 0.0,
    content: str = "",
    image_size: int | None = None,
) -> dict[str, Images]:
    """``{split: (images uint8 or float32 [n, C, H, W], labels [n])}``, classes in the order of
    their names; raises ValueError.

    `test` is the share of test images where there are no ``train`` and ``test`` folders. The other
    keys stand for `sizes` and `shape` in a study's config, and for what the folder holds
    (`described`).
    """
    place = Path(folder)
    found, hashes = _looked_at(place)
    if content and content != content_digest(place, hashes):
        raise ValueError(
            f"{folder}: its images have changed since the study was planned; plan again"
        )
    if found.skipped:
        said = ", ".join(f"{count:,} {name}" for name, count in sorted(found.skipped.items()))
        warnings.warn(f"files that are not taken as images: {said}", DataNote, stacklevel=1)
    odd = (*nested(place, found), *repeated(place, found, hashes), *alike_but_for_case(found))
    for note in odd:
        warnings.warn(note, DataNote, stacklevel=1)
    made = _read(found.parts, shape)
    if "all" in made:
        images, labels = made["all"]
        held_out = _shares(labels, test)
        made = {
            "train": (images[~held_out], labels[~held_out]),
            "test": (images[held_out], labels[held_out]),
        }
    if "validation" in made:
        return parts_of(made, sizes)
    return three_splits(made["train"], made["test"], sizes)


def _looked_at(folder: Path) -> tuple[Listing, dict[Path, str]]:
    """The images of the folder, and their hashes."""
    try:
        found = listing(folder)
        return found, hashes_of(folder, found)
    except OSError as error:
        raise ValueError(
            f"{error.filename}: {error.strerror}; make it readable, or remove it"
        ) from error


def _read(parts: dict[str, Classes], shape: list[int]) -> dict[str, Images]:
    """Images and labels of each part, all of one depth."""
    lists = {
        name: [path for one in classes.values() for path in one] for name, classes in parts.items()
    }
    images = read_images([path for paths in lists.values() for path in paths], shape)
    made, at = {}, 0
    for name, classes in parts.items():
        labels = np.repeat(np.arange(len(classes)), [len(one) for one in classes.values()])
        made[name] = images[at : at + len(labels)], labels
        at += len(labels)
    return made


def described(dataset: dict) -> dict:
    """The config of such a data set with what was left open: ``classes``, ``sizes`` and
    ``content``; raises ValueError.

    `content` is a digest of the files' names and contents, so that other images are other data.
    """
    folder, classes = str(dataset.get("folder") or ""), dataset.get("classes")
    if not folder:
        raise ValueError(
            "dataset.folder: missing; write the folder with one folder per class, or with train/ and test/"
        )
    for key in ("test", "validation"):
        share = dataset.get(key)
        if not isinstance(share, int | float) or not 0 < share < 1:
            raise ValueError(
                f"dataset.{key}: {share!r} is not a valid share of the images; write a number between 0 and 1"
            )
    place = Path(folder)
    found, hashes = _looked_at(place)
    parts = found.parts
    counts = {
        name: np.array([len(paths) for paths in classes.values()])
        for name, classes in parts.items()
    }
    if "all" in counts:
        tested = np.array([_share(count, dataset["test"]) for count in counts["all"]])
        counts = {"train": counts["all"] - tested, "test": tested}
    if classes not in (None, len(counts["train"])):
        raise ValueError(
            f"dataset.classes: {classes} in conf, but {folder} holds folders of {len(counts['train'])} "
            f"({', '.join(list(next(iter(parts.values())))[:10])})"
        )
    sizes = _sizes(dataset.get("sizes"), counts, dataset["validation"])
    return dataset | {
        "folder": folder,
        "classes": len(counts["train"]),
        "sizes": sizes,
        "content": content_digest(place, hashes),
    }


def _sizes(given: Any, counts: dict[str, np.ndarray], share: float) -> dict[str, int]:
    """`given`, with what is left open counted; what can't be sizes stays as it is, and is refused
    with the rest."""
    asked = {} if given is None else given
    if not isinstance(asked, dict) or not all(
        isinstance(size, int | None) for size in asked.values()
    ):
        return given
    asked = {split: size for split, size in asked.items() if size is not None}
    every = {name: int(count.sum()) for name, count in counts.items()}
    if "validation" not in every:
        validation = asked.get("validation", max(1, round(share * every["train"])))
        every |= {"train": every["train"] - validation, "validation": validation}
    return every | asked


def _share(count: int, share: float) -> int:
    """How many of a class's images are test images: one at least, and not all."""
    return min(max(1, round(count * share)), count - 1)


def _shares(labels: np.ndarray, share: float) -> np.ndarray:
    """Which images are test images, the same each time: drawn from each class."""
    random, chosen = np.random.Generator(np.random.PCG64(0)), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        where = np.flatnonzero(labels == label)
        chosen[random.permutation(where)[: _share(len(where), share)]] = True
    return chosen
