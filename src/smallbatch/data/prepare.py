"""Prepare a data set once, before the jobs: ``python -m smallbatch.data.prepare PLAN.data.json
FOLDER [FILES.json]``.

FILES.json says where downloaded files are (`data/fetch.py`). FOLDER gets ``images.npy`` and
``labels.npy`` (train, validation, test, one after the other) and ``about.json`` (sizes,
standardisation, checksum).
"""

import hashlib
import inspect
import json
import sys
from pathlib import Path

import numpy as np

from smallbatch.core.errors import UserError, main_errors
from smallbatch.core.locate import locate
from smallbatch.core.user_folder import user_folder
from smallbatch.data import SPLITS


def prepare(plan: dict, folder: Path, files: dict[str, str]) -> None:
    """Load the data set that `plan` describes from `files`, check it against its config, write it;
    raises UserError."""
    dataset = plan["dataset"] | {"files": files}
    load = locate(dataset["_target_"])
    offered = {
        key: value for key, value in dataset.items() if key in inspect.signature(load).parameters
    }
    try:
        splits = load(**offered)
    except ValueError as error:
        raise UserError(f"dataset {dataset['name']}: {error}") from error
    for split in SPLITS:
        _check(dataset, split, splits)
    images = np.concatenate([splits[split][0] for split in SPLITS])
    labels = np.concatenate([np.asarray(splits[split][1], np.int64) for split in SPLITS])
    mean, std = _moments(splits["train"][0])
    checksum = hashlib.sha256(np.ascontiguousarray(images))  # type: ignore[arg-type]  # an array is a buffer
    checksum.update(labels)  # type: ignore[arg-type]
    about = {
        "dataset": dataset["name"],
        "sizes": dataset["sizes"],
        "classes": dataset["classes"],
        "mean": mean,
        "std": std,
        "sha256": checksum.hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _moments(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel (1 where all its pixels are equal)."""
    mean, std = [], []
    for c in range(images.shape[1]):  # one at a time in double precision, of which memory holds few
        pixels = images[:, c].astype(np.float64, order="C").ravel()
        mean.append(float(pixels.mean()))
        std.append(float(pixels.std()) or 1.0)
    return mean, std


def _check(dataset: dict, split: str, splits: dict) -> None:
    name, size = dataset["name"], dataset["sizes"][split]
    if split not in splits:
        raise UserError(
            f"dataset {name}: {dataset['_target_']} gave no split {split!r}; return train, validation and test"
        )
    images, labels = splits[split]
    if len(images) != size or len(labels) != size:
        raise UserError(
            f"dataset.sizes.{split}: {size} in conf, but {name} gave {len(images)} images and {len(labels)} labels"
        )
    if list(images.shape[1:]) != dataset["shape"]:
        raise UserError(
            f"dataset.shape: {dataset['shape']} in conf, but the images of {name} are {list(images.shape[1:])}"
        )
    if labels.min() < 0 or labels.max() >= dataset["classes"]:
        raise UserError(
            f"dataset.classes: {dataset['classes']} in conf, but {name} has labels {labels.min()} to {labels.max()}"
        )


if __name__ == "__main__":
    with main_errors():
        _plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        user_folder(_plan["folder"])
        prepare(
            _plan,
            Path(sys.argv[2]),
            json.loads(Path(sys.argv[3]).read_text(encoding="utf-8")) if len(sys.argv) > 3 else {},
        )
