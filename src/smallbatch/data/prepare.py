"""Prepare a data set once, before the jobs: ``python -m smallbatch.data.prepare PLAN.data.json
FOLDER [FILES.json]``.

FILES.json says where downloaded files are (`data/fetch.py`). FOLDER gets ``images.npy`` and
``labels.npy`` (train, validation, test, one after the other) and ``about.json`` (sizes,
standardisation, checksum).
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from smallbatch.core.errors import UserError, main_errors
from smallbatch.core.user_folder import user_folder
from smallbatch.data import SPLITS
from smallbatch.data.call import DataFunction
from smallbatch.data.notes import notes
from smallbatch.data.scales import check_scales
from smallbatch.data.split import Images
from smallbatch.data.values import images_of, labels_of, pair_of

# Training standardises in single precision.
EPSILON, TINY = np.finfo(np.float32).eps, np.finfo(np.float32).tiny


def prepare(plan: dict, folder: Path, files: dict[str, str]) -> None:
    """Load the data set that `plan` describes from `files`, check it against its config, write it;
    raises UserError."""
    dataset = plan["dataset"] | {"files": files}
    data = DataFunction(dataset)
    try:
        splits = _splits(dataset, data())
        mean, std = _moments(splits["train"][0])
        check_scales(splits, mean)
        _check_classes(splits["train"][1])
    except ValueError as error:
        raise UserError(f"dataset {dataset['name']}: {error}") from error
    said = [*data.notes, *notes(splits, dataset["classes"])]
    images, labels, checksum = _joined(splits)
    if data.is_users and data.is_quick:
        _check_repeatable(dataset, data, checksum)
    about = {
        "dataset": dataset["name"],
        "sizes": dataset["sizes"],
        "classes": dataset["classes"],
        "counts": {  # of the images of each class
            split: np.bincount(splits[split][1], minlength=dataset["classes"]).tolist()
            for split in SPLITS
        },
        "notes": said,
        "mean": mean,
        "std": std,
        "sha256": checksum,
    }
    for note in said:
        print(f"warning: dataset {dataset['name']}: {note}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _check_repeatable(dataset: dict, data: DataFunction, checksum: str) -> None:
    """Refuse data that would be other data when it is prepared again, on another machine say."""
    try:
        again = _joined(_splits(dataset, data()))[2]
    except (UserError, ValueError):  # a function that works only once
        return
    if again != checksum:
        raise UserError(
            f"dataset {dataset['name']}: {dataset['_target_']} gives other data each time; "
            "seed its random numbers, for example np.random.default_rng(0)"
        )


def _splits(dataset: dict, returned: object) -> dict[str, Images]:
    splits = {split: _split(dataset, split, returned) for split in SPLITS}
    _same_type(splits)
    return splits


def _joined(splits: Mapping[str, Images]) -> tuple[np.ndarray, np.ndarray, str]:
    """Images and labels of all splits, one after the other, and their checksum."""
    images = np.concatenate([splits[split][0] for split in SPLITS])
    labels = np.concatenate([splits[split][1] for split in SPLITS])
    checksum = hashlib.sha256(np.ascontiguousarray(images))  # type: ignore[arg-type]  # an array is a buffer
    checksum.update(labels)  # type: ignore[arg-type]
    return images, labels, checksum.hexdigest()


def _split(dataset: dict, split: str, returned: object) -> Images:
    """Images and labels of a split, as its config describes them; raises ValueError."""
    name, size = dataset["name"], dataset["sizes"][split]
    images, labels = pair_of(returned, split)
    images, labels = images_of(images, split), labels_of(labels, split)
    if len(images) != size or len(labels) != size:
        raise UserError(
            f"dataset.sizes.{split}: {size} in conf, but {name} gave {len(images)} images and {len(labels)} labels"
        )
    if list(images.shape[1:]) != dataset["shape"]:
        raise UserError(
            f"dataset.shape: {dataset['shape']} in conf, but the images of {name} are {list(images.shape[1:])}"
        )
    if labels.min() < 0 or labels.max() >= dataset["classes"]:
        fix = "; labels start at 0, so subtract 1 from each" if labels.min() == 1 else ""
        raise UserError(
            f"dataset.classes: {dataset['classes']} in conf, but {name} has labels {labels.min()} to {labels.max()}{fix}"
        )
    return images, labels


def _same_type(splits: Mapping[str, Images]) -> None:
    """Pixels from 0 to 255 in one split and from 0 to 1 in another would be standardised alike."""
    types = {split: images.dtype for split, (images, _) in splits.items()}
    if len(set(types.values())) > 1:
        said = ", ".join(f"{split} {kind}" for split, kind in types.items())
        raise ValueError(
            f"the images have several types ({said}); return all as one type and scale"
        )


def _check_classes(labels: np.ndarray) -> None:
    if labels.min() == labels.max():
        raise ValueError(
            f"the train labels are all {labels[0]}, so that there is nothing to tell apart; return train images of "
            "two classes at least"
        )


def _moments(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel (1 where all its pixels are equal)."""
    mean, std, constant = [], [], 0
    for c in range(images.shape[1]):  # one at a time in double precision, of which memory holds few
        pixels = images[:, c].astype(np.float64, order="C").ravel()
        mean.append(float(pixels.mean()))
        if pixels.min() == pixels.max():
            std.append(1.0)
            constant += 1
            continue
        std.append(float(pixels.std()))
        if 100 * EPSILON * abs(mean[c]) > std[c] or std[c] < TINY:
            raise ValueError(
                f"channel {c} of the train images varies by {std[c]:.3g} around {mean[c]:.3g}, which float32 "
                "cannot resolve; subtract the mean and scale the rest"
            )
    if constant == images.shape[1]:
        raise ValueError(
            f"the train images are all the same: every pixel of a channel has one value ({mean})"
        )
    return mean, std


if __name__ == "__main__":
    with main_errors():
        _plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        user_folder(_plan["folder"])
        prepare(
            _plan,
            Path(sys.argv[2]),
            json.loads(Path(sys.argv[3]).read_text(encoding="utf-8")) if len(sys.argv) > 3 else {},
        )
