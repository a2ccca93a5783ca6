"""What a data function returned, as arrays that can train: images uint8 or float32, labels int64.

A tensor, a list or an array of any type is taken if it can be read in one way alone. All else is a
ValueError: one sentence with the split, the place in it and the fix.
"""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from smallbatch.data import SPLITS

RETURN = "return {'train': (images, labels), 'validation': …, 'test': …}"
WHOLE = "labels are whole numbers, 0 for the first class"


def pair_of(returned: Any, split: str) -> tuple[Any, Any]:
    """Images and labels of a split, as they were returned."""
    if not isinstance(returned, Mapping):
        raise ValueError(f"it gave {_kind(returned)}; {RETURN}")
    if split not in returned:
        given = ", ".join(map(str, returned)) or "none"
        raise ValueError(
            f"it gave no split {split!r}; return {', '.join(SPLITS[:-1])} and {SPLITS[-1]} (it gave {given})"
        )
    found = returned[split]
    found = getattr(found, "tensors", found)  # torch's TensorDataset
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise ValueError(f"its {split} split is {_kind(found)}; return a pair (images, labels)")
    return found[0], found[1]


def images_of(value: Any, split: str) -> np.ndarray:
    """Images as uint8 or float32, all finite."""
    images = _array(value, f"{split} images")
    if images.dtype.kind == "b":
        return images.astype(np.uint8)
    if images.dtype.kind in "iu" and images.dtype != np.uint8:
        raise ValueError(
            f"the {split} images are {images.dtype}; return pixels as uint8 or float32 "
            "(they are standardised by channel, so token ids are not supported)"
        )
    if images.dtype.kind not in "uf":
        raise ValueError(f"the {split} images are {images.dtype}; return uint8 or float32")
    if images.dtype == np.uint8:
        return images
    with np.errstate(over="ignore"):  # what float32 can't hold is infinite, and refused
        images = images.astype(np.float32)
    finite = np.isfinite(images)
    if not finite.all():
        place = np.argwhere(~finite)[0]
        channel = f", channel {place[1]}" if len(place) > 1 else ""
        raise ValueError(
            f"the {split} images are not finite: image {place[0]}{channel} has {images[tuple(place)]} "
            f"({(~finite).sum():,} of {finite.size:,} values); replace them"
        )
    return images


def labels_of(value: Any, split: str) -> np.ndarray:
    """Labels as int64 ``[n]``; those of shape ``[n, 1]`` are taken as ``[n]``."""
    labels = _array(value, f"{split} labels")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(
            f"the {split} labels have the shape {list(labels.shape)}; return one number per image "
            "(labels.argmax(1) makes it from one-hot labels)"
        )
    if labels.dtype.kind not in "biuf":
        labels = _numbers(labels, split)
    # 2**53: all whole numbers up to it are the same as float, as int64 and as uint64.
    wrong = (labels != np.floor(labels)) | (np.abs(labels.astype(float)) > 2**53)
    if wrong.any():
        where = int(wrong.argmax())
        raise ValueError(f"{split} label {where} is {labels[where]}; {WHOLE}")
    return labels.astype(np.int64)


def _numbers(labels: np.ndarray, split: str) -> np.ndarray:
    """An array of numbers from one of Python's objects."""
    for where, label in enumerate(labels):
        if not isinstance(label, numbers.Real):
            raise ValueError(
                f"{split} label {where} is {str(label)!r}, not a number; {WHOLE} "
                "(np.unique(labels, return_inverse=True)[1] makes them, of all splits together)"
            )
    return labels.astype(np.float64)


def _array(value: Any, what: str) -> np.ndarray:
    if isinstance(value, list | tuple) and value and hasattr(value[0], "detach"):
        value = [_of_tensor(one) for one in value]
    try:
        array = _of_tensor(value) if hasattr(value, "detach") else np.asarray(value)
    except ValueError as error:  # a list of lists of several lengths
        raise ValueError(
            f"the {what} make no array ({error}); return arrays of one shape"
        ) from error
    if np.ma.is_masked(value):
        raise ValueError(f"the {what} have masked values; fill them or leave them out")
    if array.ndim == 0:
        raise ValueError(f"the {what} are {_kind(value)}; return an array")
    return array


def _of_tensor(tensor: Any) -> np.ndarray:
    """The array of a tensor. Torch isn't imported: preparing other data needs none."""
    dense = tensor.detach().cpu()
    dense = dense.to_dense() if dense.is_sparse else dense
    try:
        return dense.numpy()
    except TypeError:  # bfloat16, which NumPy doesn't have
        return dense.float().numpy()


def _kind(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return "nothing" if value is None else f"a {type(value).__name__}"
