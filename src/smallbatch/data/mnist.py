"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747): files in the
IDX format."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from smallbatch.data.split import at_size, three_splits, verify

HEADER = {"images": (2051, 4), "labels": (2049, 2)}  # magic number, 32-bit words


def load(
    sizes: dict[str, int],
    files: dict[str, str],
    sha256: dict[str, str] | None = None,
    image_size: int | None = None,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """``{split: (images uint8 [n, 1, 28, 28], labels [n])}`` from `files`, the official names and
    where they are.

    `sha256`: of the pixels followed by the labels of the official splits ``train`` and ``test``.
    `image_size` 14, 7 … averages squares of pixels. Raises ValueError.
    """
    official = {}
    for name, prefix in (("train", "train"), ("test", "t10k")):
        images = read_idx(Path(files[f"{prefix}-images-idx3-ubyte.gz"]), "images")
        labels = read_idx(Path(files[f"{prefix}-labels-idx1-ubyte.gz"]), "labels")
        if len(images) != len(labels):
            raise ValueError(
                f"{prefix}: {len(images)} images, but {len(labels)} labels; replace the files"
            )
        official[name] = images[:, None], labels
    verify(
        {name: images.tobytes() + labels.tobytes() for name, (images, labels) in official.items()},
        sha256,
    )
    return at_size(three_splits(official["train"], official["test"], sizes), image_size)


def read_idx(path: Path, kind: str) -> np.ndarray:
    """The array of an IDX file of ``images`` or ``labels`` (uint8), packed or not; raises
    ValueError."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: it cannot be unpacked ({error}); replace the file") from error
    magic, words = HEADER[kind]
    header = np.frombuffer(content[: 4 * words], ">i4")
    if len(header) < words or header[0] != magic:
        raise ValueError(f"{path}: not an IDX file of {kind}; replace the file")
    shape = tuple(int(n) for n in header[1:])
    size = int(np.prod(shape))
    if len(content) != 4 * words + size:
        raise ValueError(
            f"{path}: {len(content) - 4 * words:,} of {size:,} bytes; it is truncated, replace the file"
        )
    return np.frombuffer(content, np.uint8, size, 4 * words).reshape(shape)
