"""Which files of a folder are a data set's images, found without opening them."""

import itertools
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smallbatch.data import SPLITS

KINDS = {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff"}
KINDS |= {".webp"}
# Leaving these out would leave out images.
OTHER_KINDS = {".arw", ".avif", ".cr2", ".dcm", ".dng", ".exr", ".heic", ".heif", ".jp2", ".jxl"}
OTHER_KINDS |= {".mat", ".nef", ".nii", ".npy", ".npz", ".psd", ".raw", ".svg", ".tga"}
# What operating systems and programs leave behind, beside what begins with a dot.
LEFT_BEHIND = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "__pycache__"}
LEFT_BEHIND |= {"@eadir", "$recycle.bin", "system volume information", "lost+found"}
SPLIT_OF = {"train": "train", "training": "train", "test": "test", "testing": "test"}
SPLIT_OF |= {"val": "validation", "valid": "validation", "validation": "validation"}
SPLIT_OF |= {f"{name}_set": split for name, split in SPLIT_OF.items()} | {
    "trn": "train",
    "tst": "test",
}
WRITE = "write train/CLASS/… and test/CLASS/… (and validation/CLASS/…), or CLASS/… alone"
SHOWN = 10  # names in a sentence

Classes = dict[str, list[Path]]  # class -> its images, in the order of their names


@dataclass(frozen=True)
class Listing:
    """The images of a folder."""

    parts: dict[str, Classes]  # "train", "test" and, where there is one, "validation"; else "all"
    skipped: Counter[str]  # files and folders that are no images, by what they are


def listing(folder: Path) -> Listing:
    """The images of `folder` by split and class; raises ValueError."""
    if not folder.is_dir():
        raise ValueError(f"dataset.folder={folder}: there is no such folder")
    skipped: Counter[str] = Counter()
    inside = _folders(folder, skipped)
    named = [path for path in inside if path.name.casefold() in SPLIT_OF]
    others = [path for path in inside if path not in named]
    # A class may be called train too, beside car and bus: its images lie in it, and no classes.
    if named and (not others or any(_has_classes(path) for path in named)):
        return Listing(_splits(folder, named, others, skipped), skipped)
    return Listing({"all": _classes(folder, inside, skipped)}, skipped)


def alike_but_for_case(listing: Listing) -> Iterator[str]:
    """A note on classes that may be one: put together where case tells names apart."""
    names = [text_of(name) for name in next(iter(listing.parts.values()))]
    lower = [name.casefold() for name in names]
    same = [name for name in names if lower.count(name.casefold()) > 1]
    if same:
        yield f"classes that differ by case alone: {', '.join(same)}"


def nested(folder: Path, listing: Listing) -> Iterator[str]:
    """A note on classes whose images lie in several folders: masks beside photographs, say."""
    deep: list[Path] = []
    for split, classes in listing.parts.items():
        own = 2 if split == "all" else 3  # CLASS/1.png, SPLIT/CLASS/1.png
        for paths in classes.values():
            if len({path.parent for path in paths}) > 1:
                names = (path.relative_to(folder) for path in paths)
                deep += [name for name in names if len(name.parts) > own]
    if deep:
        yield f"images in folders inside of a class, taken as images of the class: {len(deep):,}, the first is {text_of(deep[0])}"


def _splits(
    folder: Path, named: list[Path], others: list[Path], skipped: Counter[str]
) -> dict[str, Classes]:
    """The classes of the folders of splits."""
    places: dict[str, Path] = {}
    for path in named:
        split = SPLIT_OF[path.name.casefold()]
        if split in places:
            raise ValueError(
                f"{folder}: {places[split].name} and {path.name} are both {split}; {WRITE}"
            )
        places[split] = path
    for path in others:
        if any(_images(path, Counter())):
            raise ValueError(f"{path}: images beside the folder {named[0].name}; {WRITE}")
        skipped[f"{text_of(path.name)}/"] += 1
    for split in ("train", "test"):
        if split not in places:
            there = ", ".join(text_of(path.name) for path in named)
            raise ValueError(f"{folder}: there is no folder {split} beside {there}; {WRITE}")
    parts = {
        split: _classes(places[split], _folders(places[split], skipped), skipped)
        for split in SPLITS
        if split in places
    }
    for name in sorted(set().union(*parts.values())):
        for split, classes in parts.items():
            if name not in classes:
                raise ValueError(
                    f"{places[split]}: the folder of class {name!r} is missing; every class needs images in each"
                )
    return parts


def _classes(folder: Path, inside: list[Path], skipped: Counter[str]) -> Classes:
    found: Classes = {}
    alike: dict[str, Path] = {}
    for one in inside:
        name = unicodedata.normalize(
            "NFC", text_of(one.name).strip()
        )  # accents are written in two ways
        if alike.setdefault(name, one) != one:
            raise ValueError(
                f"{one}: a class of the same name, written otherwise, is there too; put them together, or rename one"
            )
        for path in _folders(one, Counter()):
            if path.name.casefold() in SPLIT_OF and any(_images(path, Counter())):
                raise ValueError(f"{path}: a split inside of a class; {WRITE}")
        found[one.name] = sorted(_images(one, skipped))
        if len(found[one.name]) < 2:
            raise ValueError(
                f"{one}: a class needs two images at least ({', '.join(sorted(KINDS))})"
            )
    if len(found) < 2:
        raise ValueError(
            f"{folder}: it holds {len(found)} folders of images; write one folder per class, two at least"
        )
    _check_not_splits(folder, inside)
    return found


def _check_not_splits(folder: Path, inside: list[Path]) -> None:
    """Refuse folders that hold the same classes, since they look like splits, whatever their
    names."""
    within = {text_of(one.name): _with_images(one) for one in inside}
    several = [name for name, found in within.items() if len(found) > 1]
    for one, other in itertools.combinations(several, 2):
        same = sorted(within[one] & within[other])
        if len(same) > 1:
            shown = ", ".join(same[:SHOWN]) + (" …" if len(same) > SHOWN else "")
            raise ValueError(
                f"{folder}: {one} and {other} hold the same folders of images ({shown}), so they look like splits, not "
                f"classes; {WRITE} (if they are classes, put all images of each into one folder)"
            )


def _with_images(folder: Path) -> set[str]:
    """The names of the folders in a folder that hold images; in its only folder, if everything lies
    in one (``seg_train/seg_train/…``)."""
    inside = _folders(folder, Counter())
    if len(inside) == 1 and not any(path.suffix.lower() in KINDS for path in folder.iterdir()):
        return _with_images(inside[0])
    return {text_of(path.name).casefold() for path in inside if any(_images(path, Counter()))}


def _folders(folder: Path, skipped: Counter[str]) -> list[Path]:
    """The folders in a folder, by name; what else is there is skipped."""
    found = []
    for path in sorted(folder.iterdir()):
        if _left_behind(path.name):
            skipped[_name(path)] += 1
        elif path.is_dir():
            found.append(path)
        else:
            is_image = path.suffix.lower() in KINDS
            skipped["images beside the folders" if is_image else _name(path)] += 1
    return found


def _has_classes(folder: Path) -> bool:
    return any(any(_images(path, Counter())) for path in _folders(folder, Counter()))


def _images(
    folder: Path, skipped: Counter[str], above: frozenset[str] = frozenset()
) -> Iterator[Path]:
    """The images in a folder and the folders in it; links are followed."""
    here = os.path.realpath(folder)
    if here in above:
        raise ValueError(f"{folder}: the link leads back to a folder that it is in; remove it")
    for path in folder.iterdir():
        if _left_behind(path.name):
            skipped[_name(path)] += 1
        elif path.is_dir():
            yield from _images(path, skipped, above | {here})
        elif _is_image(path):
            yield path
        else:
            skipped[_name(path)] += 1


def _is_image(path: Path) -> bool:
    """Whether a file of a class is an image, by its name; raises ValueError for one that would be missed."""
    suffix = path.suffix.lower()
    if suffix in OTHER_KINDS:
        raise ValueError(
            f"{path}: {suffix} is not a supported kind of image; convert or remove such files"
        )
    if suffix in KINDS and not path.exists():
        raise ValueError(f"{path}: the link leads nowhere; repair or remove it")
    return suffix in KINDS


def _left_behind(name: str) -> bool:
    return name.startswith(".") or name.casefold() in LEFT_BEHIND


def _name(path: Path) -> str:
    """What a skipped file is counted as."""
    if path.name.startswith("._"):
        return "._*"
    return (
        text_of(path.name)
        if _left_behind(path.name) or not path.suffix
        else f"*{text_of(path.suffix.lower())}"
    )


def text_of(path: Path | str) -> str:
    """A name as text that can be written: its bytes may be in any encoding."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
