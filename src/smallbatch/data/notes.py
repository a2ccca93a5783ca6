"""What is odd in data that can train. It is shown, not refused: only the user knows what was meant."""

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np


class DataNote(UserWarning):
    """What a data function found odd, for `warnings.warn`: it is kept with the data and shown."""


Splits = Mapping[str, tuple[np.ndarray, np.ndarray]]  # images [n, C, H, W], labels [n]
SHOWN = 10  # classes


def notes(splits: Splits, classes: int) -> list[str]:
    """A sentence for each oddity."""
    return [*_constant(splits), *_missing_classes(splits, classes), *_repeated(splits)]


def _constant(splits: Splits) -> Iterable[str]:
    train, _ = splits["train"]
    for c in range(train.shape[1]):
        if train[:, c].min() == train[:, c].max():
            yield f"channel {c} of the train images is constant ({train[0, c, 0, 0]})"
    for split, (images, _) in splits.items():
        flat = images.reshape(len(images), -1)
        alike = np.flatnonzero(flat.min(1) == flat.max(1))
        if len(alike):
            yield f"constant images in {split}: {len(alike):,}, the first is image {alike[0]}"


def _missing_classes(splits: Splits, classes: int) -> Iterable[str]:
    for split, (_, labels) in splits.items():
        missing = np.flatnonzero(np.bincount(labels, minlength=classes) == 0)
        if len(missing):
            names = ", ".join(map(str, missing[:SHOWN])) + (" …" if len(missing) > SHOWN else "")
            yield f"{split} has no image of class {names}"


def _repeated(splits: Splits) -> Iterable[str]:
    """Images that a network is scored on and was trained on."""
    trained = {_digest(image) for image in splits["train"][0]}
    for split, (images, _) in splits.items():
        same = [i for i, image in enumerate(images) if _digest(image) in trained]
        if same and split != "train":
            yield f"{split} images that are train images too: {len(same):,}, the first is image {same[0]}"


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
