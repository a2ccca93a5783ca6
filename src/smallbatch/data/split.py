"""From a data set's official training and test images to the three splits of a study."""

import hashlib
from collections.abc import Mapping

import numpy as np

from smallbatch.data import SPLITS

Images = tuple[np.ndarray, np.ndarray]  # uint8 or float32 [n, C, H, W], labels [n]


def three_splits(train: Images, test: Images, sizes: dict[str, int]) -> dict[str, Images]:
    """Validation images are taken from the official training set; each split is stratified by class
    and always the same.

    Sizes below the official ones give a part. Raises ValueError with the key.
    """
    room = {"train": len(train[1]), "test": len(test[1])}
    for official, names in (("train", ("train", "validation")), ("test", ("test",))):
        asked = sum(sizes[name] for name in names)
        if asked > room[official]:
            keys = " + ".join(f"sizes.{name}" for name in names)
            raise ValueError(
                f"{keys} = {asked:,}, but there are {room[official]:,} {official} images; ask for fewer"
            )
    images, labels = train
    validation, rest = _part(np.arange(len(labels)), labels, sizes["validation"])
    chosen, _ = _part(rest, labels, sizes["train"])
    tested, _ = _part(np.arange(len(test[1])), test[1], sizes["test"])
    found = {
        "train": (images[chosen], labels[chosen]),
        "validation": (images[validation], labels[validation]),
    }
    return found | {"test": (test[0][tested], test[1][tested])}


def parts_of(splits: Mapping[str, Images], sizes: dict[str, int]) -> dict[str, Images]:
    """Of each split as many images as `sizes` says, stratified by class and always the same; raises
    ValueError with the key."""
    found = {}
    for name, (images, labels) in splits.items():
        if sizes[name] > len(labels):
            raise ValueError(
                f"sizes.{name} = {sizes[name]:,}, but there are {len(labels):,} {name} images; ask for fewer"
            )
        chosen, _ = _part(np.arange(len(labels)), labels, sizes[name])
        found[name] = images[chosen], labels[chosen]
    return found


def _part(where: np.ndarray, labels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`size` of the examples `where`, stratified by class, and the others; both in the official
    order."""
    if size == len(where):
        return where, where[:0]
    from sklearn.model_selection import train_test_split

    _, counts = np.unique(labels[where], return_counts=True)
    # else there is no room for every class
    alike = len(counts) <= min(size, len(where) - size) and counts.min() > 1
    one, other = train_test_split(
        where, train_size=size, stratify=labels[where] if alike else None, random_state=0
    )
    return np.sort(one), np.sort(other)


def verify(parts: Mapping[str, bytes | memoryview], sha256: dict[str, str] | None) -> None:
    """Compare the SHA-256 sums of the records of the official splits with declared ones; raises
    ValueError."""
    for name, expected in (sha256 or {}).items():
        if name not in parts:
            raise ValueError(f"sha256.{name}: there is no such split (known: {', '.join(parts)})")
        found = hashlib.sha256(parts[name]).hexdigest()
        if found != expected:
            raise ValueError(
                f"sha256.{name}: the records have {found}, not {expected}; replace the files"
            )


def shrunk(images: np.ndarray, size: int | None) -> np.ndarray:
    """Images ``[n, C, H, W]`` of `size` pixels a side: means over squares of pixels, rounded;
    raises ValueError."""
    n, channels, height, width = images.shape
    if size in (None, height):
        return images
    if height != width or size < 1 or height % size:
        raise ValueError(
            f"image_size: {size} does not divide the {height}×{width} pixels of the images"
        )
    k = height // size
    sums = images.reshape(n, channels, size, k, size, k).sum((3, 5), dtype=np.uint32)
    return ((sums + k * k // 2) // (k * k)).astype(np.uint8)


def at_size(splits: dict[str, Images], size: int | None) -> dict[str, Images]:
    return {name: (shrunk(splits[name][0], size), splits[name][1]) for name in SPLITS}
