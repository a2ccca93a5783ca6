"""Images of your own: a folder for each class, in ``train`` and ``test`` folders or split by a
fraction.

    FOLDER/cat/1.jpg FOLDER/dog/2.png …        or        FOLDER/train/cat/1.jpg … FOLDER/test/cat/9.jpg …

Images may have any size: each is cut to the shape of a study's images and resized.
"""

from pathlib import Path
from typing import Any

import numpy as np

from smallbatch.core.identity import digest
from smallbatch.data.split import three_splits

TARGET = "smallbatch.data.image_folder.load"
KINDS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def load(
    sizes: dict[str, int],
    folder: str,
    shape: list[int],
    test: float,
    validation: float = 0.0,
    content: str = "",
    image_size: int | None = None,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """``{split: (images uint8 [n, C, H, W], labels [n])}``, classes in the order of their names;
    raises ValueError.

    `test` is the share of test images where there are no ``train`` and ``test`` folders. The other
    keys stand for `sizes` and `shape` in a study's config, and for what the folder holds
    (`described`).
    """
    parts = listing(Path(folder))
    made = {name: _read(classes, shape) for name, classes in parts.items()}
    if "all" in made:
        images, labels = made["all"]
        held_out = _shares(labels, test)
        made = {
            "train": (images[~held_out], labels[~held_out]),
            "test": (images[held_out], labels[held_out]),
        }
    return three_splits(made["train"], made["test"], sizes)


def described(dataset: dict) -> dict:
    """The config of such a data set with what was left open: ``classes``, ``sizes`` and
    ``content``; raises ValueError.

    `content` is a digest of the files' names and sizes, so that other images are other data.
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
    parts = listing(Path(folder))
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
    train, test = (int(counts[name].sum()) for name in ("train", "test"))
    sizes = _sizes(dataset.get("sizes"), train, test, dataset["validation"])
    files = [
        [str(path.relative_to(folder)), path.stat().st_size]
        for part in parts.values()
        for c in part.values()
        for path in c
    ]
    return dataset | {
        "folder": folder,
        "classes": len(counts["train"]),
        "sizes": sizes,
        "content": digest(files),
    }


def _sizes(given: Any, train: int, test: int, share: float) -> dict[str, int]:
    """`given`, with what is left open counted; what can't be sizes stays as it is, and is refused
    with the rest."""
    asked = {} if given is None else given
    if not isinstance(asked, dict) or not all(
        isinstance(size, int | None) for size in asked.values()
    ):
        return given
    asked = {split: size for split, size in asked.items() if size is not None}
    validation = asked.get("validation", max(1, round(share * train)))
    return {"train": train - validation, "validation": validation, "test": test} | asked


def listing(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """``{"train", "test"}`` or ``{"all"}`` -> class -> its images, sorted by name; raises
    ValueError."""
    if not folder.is_dir():
        raise ValueError(f"dataset.folder={folder}: there is no such folder")
    if (folder / "train").is_dir():
        parts = {name: _classes(folder / name) for name in ("train", "test")}
        one, other = parts["train"].keys(), parts["test"].keys()
        for name in sorted(one ^ other):
            part = "test" if name in one else "train"
            raise ValueError(
                f"{folder / part}: the folder of class {name!r} is missing; every class needs images in both"
            )
        return parts
    return {"all": _classes(folder)}


def _classes(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise ValueError(
            f"{folder}: there is no such folder; write train/ and test/, or one folder per class"
        )
    found = {}
    for one in sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    ):
        found[one.name] = sorted(path for path in one.rglob("*") if path.suffix.lower() in KINDS)
        if len(found[one.name]) < 2:
            raise ValueError(
                f"{one}: a class needs two images at least ({', '.join(sorted(KINDS))})"
            )
    if len(found) < 2:
        raise ValueError(
            f"{folder}: it holds {len(found)} folders of images; write one folder per class, two at least"
        )
    return found


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


def _read(classes: dict[str, list[Path]], shape: list[int]) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image, ImageOps

    channels, height, width = shape
    if channels not in (1, 3):
        raise ValueError(f"dataset.shape: {channels} channels; write 1 (grey) or 3 (colour)")
    paths = [path for one in classes.values() for path in one]
    images = np.empty((len(paths), height, width, channels), np.uint8)
    for image, path in zip(images, paths, strict=True):
        try:
            with Image.open(path) as opened:
                upright = ImageOps.exif_transpose(opened)  # cameras note how they were held
                fitted = ImageOps.fit(
                    upright.convert("RGB" if channels == 3 else "L"), (width, height)
                )
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(
                f"{path}: not a readable image ({error}); repair or remove it"
            ) from error
        image[:] = np.asarray(fitted).reshape(height, width, channels)
    labels = np.repeat(np.arange(len(classes)), [len(one) for one in classes.values()])
    return images.transpose(0, 3, 1, 2), labels
