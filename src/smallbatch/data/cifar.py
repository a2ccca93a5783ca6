"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in their binary version: records of label bytes and
3,072 pixels."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from smallbatch.data.split import at_size, three_splits, verify

PIXELS = 3 * 32 * 32
TRAIN_10, TEST_10 = [f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"]


def load_10(
    sizes: dict[str, int],
    files: dict[str, str],
    sha256: dict[str, str] | None = None,
    image_size: int | None = None,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """CIFAR-10: ``{split: (images uint8 [n, 3, 32, 32], labels [n])}`` from the archive, or its
    unpacked folder.

    `sha256`: of the records of the official splits ``train`` and ``test``. `image_size` 16, 8 …
    averages squares of pixels. Raises ValueError.
    """
    return _load(files, {"train": TRAIN_10, "test": TEST_10}, 1, sizes, sha256, image_size)


def load_100(
    sizes: dict[str, int],
    files: dict[str, str],
    sha256: dict[str, str] | None = None,
    image_size: int | None = None,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """CIFAR-100, likewise, with its 100 fine labels (the second byte of a record)."""
    return _load(
        files, {"train": ["train.bin"], "test": ["test.bin"]}, 2, sizes, sha256, image_size
    )


def _load(
    files: dict[str, str],
    names: dict[str, list[str]],
    label_bytes: int,
    sizes: dict[str, int],
    sha256: dict[str, str] | None,
    image_size: int | None,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    (path,) = map(Path, files.values())
    records = {split: _records(path, parts, label_bytes) for split, parts in names.items()}
    verify({split: found.data for split, found in records.items()}, sha256)
    train, test = (
        (found[:, label_bytes:].reshape(-1, 3, 32, 32), found[:, label_bytes - 1])
        for found in records.values()
    )
    return at_size(three_splits(train, test, sizes), image_size)


def _records(path: Path, names: list[str], label_bytes: int) -> np.ndarray:
    """The records of the files `names`, uint8 [n, label_bytes + 3072]."""
    found = []
    for name, content in zip(names, _members(path, names), strict=True):
        if len(content) % (label_bytes + PIXELS):
            raise ValueError(
                f"{path}: {name} has {len(content):,} bytes, no whole records; it is truncated, replace the file"
            )
        found.append(np.frombuffer(content, np.uint8).reshape(-1, label_bytes + PIXELS))
    least, most = (pick(range(len(found)), key=lambda i: len(found[i])) for pick in (min, max))
    if len(found[least]) < len(found[most]):  # all have as many
        raise ValueError(
            f"{path}: {names[least]} has {len(found[least]):,} images, {names[most]} {len(found[most]):,}; "
            "it is truncated, replace the file"
        )
    return np.concatenate(found)


def _members(path: Path, names: list[str]) -> Iterator[bytes]:
    """The content of the files `names` in an archive or a folder."""
    try:
        if path.is_dir():
            yield from ((path / name).read_bytes() for name in names)
            return
        with tarfile.open(path) as archive:
            inside = {Path(member.name).name: member for member in archive.getmembers()}
            for name in names:
                if name not in inside:
                    raise ValueError(f"{path}: there is no {name} in it; replace the file")
                yield archive.extractfile(inside[name]).read()  # type: ignore[union-attr]  # a member that is a file
    except FileNotFoundError as error:
        raise ValueError(
            f"{path}: there is no {Path(error.filename).name} in it; replace the folder"
        ) from error
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ValueError(f"{path}: it cannot be unpacked ({error}); replace the file") from error
