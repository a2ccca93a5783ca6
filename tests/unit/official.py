"""Small files in the official layouts of MNIST and CIFAR."""

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np

from smallbatch.data import cifar

SIZES = {"train": 60, "validation": 20, "test": 20}
IDX = {
    f"{prefix}-{kind}.gz": (prefix, kind)
    for prefix in ("train", "t10k")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
}


def official_idx(folder: Path, train=100, test=30) -> dict[str, str]:
    """Small files in the official layout; each image holds its number and label."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (prefix, kind) in IDX.items():
        n = train if prefix == "train" else test
        labels = (np.arange(n) % 10).astype(np.uint8)
        if kind.startswith("labels"):
            content = np.array([2049, n], ">i4").tobytes() + labels.tobytes()
        else:
            images = np.zeros((n, 28, 28), np.uint8)
            images[:, 0, 0], images[:, 0, 1] = np.arange(n), labels
            content = np.array([2051, n, 28, 28], ">i4").tobytes() + images.tobytes()
        (folder / name).write_bytes(gzip.compress(content, mtime=0))
    return {name: str(folder / name) for name in IDX}


def official_cifar(path: Path, classes: int, each=30) -> Path:
    """A small archive in the official layout, of which a record's first pixels are its number and
    label."""
    names = [*cifar.TRAIN_10, *cifar.TEST_10] if classes == 10 else ["train.bin", "test.bin"]
    top = "cifar-10-batches-bin" if classes == 10 else "cifar-100-binary"
    with tarfile.open(path, "w:gz") as archive:
        for number, name in enumerate(names):
            label = np.arange(each)[:, None] % classes
            pixels = np.zeros((each, 3, 32, 32))
            pixels[:, 0, 0, 0], pixels[:, 2, 31, 31] = number, label[:, 0]
            fields = [label] if classes == 10 else [label // 5, label]
            content = np.hstack([*fields, pixels.reshape(each, -1)]).astype(np.uint8).tobytes()
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
