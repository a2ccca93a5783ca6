"""Splits of several scales are told from splits that differ by chance."""

import numpy as np
import pytest

from smallbatch.data.digits import load
from smallbatch.data.scales import check_scales

DIGITS = {
    split: pair[0] for split, pair in load({"train": 300, "validation": 100, "test": 100}).items()
}
MEAN, STD = DIGITS["train"].mean(), DIGITS["train"].std()
SCALES = {
    "pixels": lambda images: images,
    "0 to 1": lambda images: images / 16,
    "-1 to 1": lambda images: images / 8 - 1,
    "standardised": lambda images: (images - MEAN) / STD,
    "centred": lambda images: images - MEAN,
}
# Both have values below 0, and their standard deviations differ by less than the limit.
ALIKE = {"-1 to 1", "standardised"}


def check(splits: dict[str, np.ndarray]) -> None:
    train = splits["train"]
    means = [float(train[:, c].mean(dtype=np.float64)) for c in range(train.shape[1])]
    check_scales({split: (images, np.zeros(0)) for split, images in splits.items()}, means)


@pytest.mark.parametrize("ours", SCALES)
@pytest.mark.parametrize("other", SCALES)
def test_a_split_of_another_scale_is_refused_and_one_of_the_same_is_not(ours, other):
    splits = {split: SCALES[ours](images).astype(np.float32) for split, images in DIGITS.items()}
    splits["test"] = SCALES[other](DIGITS["test"]).astype(np.float32)
    if ours == other or {ours, other} == ALIKE:
        check(splits)
        return
    with pytest.raises(ValueError, match=r"^channel 0 of the test images has mean .*in one scale$"):
        check(splits)


@pytest.mark.parametrize("scale", ["pixels", "standardised"])
def test_small_splits_of_one_scale_pass(scale):
    random = np.random.default_rng(0)
    for _ in range(30):
        sizes = {"train": random.integers(4, 60), "validation": 2, "test": random.integers(2, 8)}
        check(
            {
                split: SCALES[scale](DIGITS[split][random.integers(100, size=size)])
                for split, size in sizes.items()
            }
        )


def test_the_channel_that_differs_is_named():
    splits = {split: np.concatenate([images] * 2, 1) / 1.0 for split, images in DIGITS.items()}
    splits["validation"][:, 1] *= 16
    with pytest.raises(ValueError, match=r"^channel 1 of the validation images"):
        check(splits)


def test_a_rare_value_in_a_small_split_is_chance():
    """It is in 1 of 100 train images, and by chance in one of two validation images."""
    splits = {split: np.zeros((len(images), 1, 2, 2)) for split, images in DIGITS.items()}
    splits["train"][:3] = 1
    splits["validation"] = splits["train"][2:4]
    check(splits)


def test_too_few_train_images_tell_nothing():
    train = np.array([10.0, 20.0]).reshape(2, 1, 1, 1)
    check(
        {"train": train, "validation": train, "test": np.array([10.0, 110.0]).reshape(2, 1, 1, 1)}
    )
