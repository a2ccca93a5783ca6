"""Whether all splits have the scale of the train images, by whose mean and standard deviation they
are standardised."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

LOOKED_AT = 2000  # images of a split at most, evenly spaced
PIECE = 256  # images that are in memory in double precision
FEW = 10  # train images: fewer don't show what is chance
DRAWN = 100  # parts of the train images, as large as the other split
# Train standard deviations between the means, and the ratio of standard deviations, that splits of
# one scale do not reach.
FAR, RATIO = 5.0, 5.0
# Likewise, if one of them has no value below 0 and a share NEGATIVE of the other's are: one was
# standardised.
FAR_SIGNED, RATIO_SIGNED, NEGATIVE = 0.25, 1.5, 0.05


@dataclass(frozen=True)
class Channel:
    """What the values of a channel are, of each image."""

    means: np.ndarray  # [images]
    squares: np.ndarray  # [images], means of the squares of the values less the train mean
    negative: float  # share of the values

    def moments(self, images: np.ndarray | slice, centre: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the values of these images, over the last axis."""
        mean = self.means[images].mean(-1)
        variance = self.squares[images].mean(-1) - (mean - centre) ** 2
        return mean, np.sqrt(np.maximum(variance, 0.0))


def check_scales(splits: Mapping[str, tuple[np.ndarray, np.ndarray]], centres: list[float]) -> None:
    """Refuse a split whose channel has other values than that of the train images, by more than
    chance; raises ValueError. `centres`: the means of the train images' channels."""
    if len(splits["train"][0]) < FEW:
        return
    for c, centre in enumerate(centres):
        train = _channel(splits["train"][0], c, centre)
        for split, (images, _) in splits.items():
            if split != "train" and (said := _differs(train, _channel(images, c, centre), centre)):
                raise ValueError(
                    f"channel {c} of the {split} images has {said[1]}, that of the train images {said[0]}; all are "
                    "standardised as the train images are, so return them in one scale"
                )


def _channel(images: np.ndarray, c: int, centre: float) -> Channel:
    taken = images[:: -(-len(images) // LOOKED_AT), c]
    means, squares, negative = [], [], 0
    for at in range(0, len(taken), PIECE):
        values = taken[at : at + PIECE].reshape(-1, taken[0].size).astype(np.float64)
        negative += int((values < 0).sum())
        means.append(values.mean(1))
        values -= centre
        squares.append(np.einsum("ij,ij->i", values, values) / values.shape[1])
    return Channel(np.concatenate(means), np.concatenate(squares), negative / taken.size)


def _differs(train: Channel, other: Channel, centre: float) -> tuple[str, str] | None:
    """Mean and standard deviation of both in words, if they are not of one scale."""
    mean, std = train.moments(slice(None), centre)
    its_mean, its_std = other.moments(slice(None), centre)
    if std == 0:  # a note tells that the channel is constant
        return None
    low, high = sorted((train.negative, other.negative))
    is_signed = low == 0 and high > NEGATIVE
    far, ratio = (FAR_SIGNED, RATIO_SIGNED) if is_signed else (FAR, RATIO)
    drawn = np.random.default_rng(0).integers(len(train.means), size=(DRAWN, len(other.means)))
    means, stds = train.moments(drawn, centre)
    is_far = abs(its_mean - mean) > far * std and abs(its_mean - mean) > abs(means - mean).max()
    # Constant images are a note too.
    is_wide = its_std > ratio * std and its_std > stds.max()
    is_narrow = 0 < its_std < std / ratio and its_std < stds.min()
    if not (is_far or is_wide or is_narrow):
        return None
    return _said(mean, std), _said(its_mean, its_std)


def _said(mean: np.ndarray, std: np.ndarray) -> str:
    return f"mean {mean:.3g} and standard deviation {std:.3g}"
