"""The simple gradient noise scale tr Σ / |G|² at fixed weights (McCandlish et al. 2018, arXiv
1812.06162, appendix A.1).

From K disjoint small batches of b examples and the big batch of all K·b the unbiased two-batch
estimates are

    |G|² = (K·b·|g_big|² - b·mean |g_small|²) / (K·b - b),
    tr Σ = (mean |g_small|² - |g_big|²) / (1/b - 1/(K·b)).

Average both over epochs and seeds *before* dividing them: the ratio of single estimates is strongly
biased.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from smallbatch.core.records import Fleet
from smallbatch.data.stream import fresh
from smallbatch.measures.measure import Replica, Trainer

if TYPE_CHECKING:
    import torch

COLUMNS = pa.schema(
    [
        (
            "b_simple",
            pa.float64(),
        ),  # gradient noise scale tr Σ/|G|² (McCandlish et al. 2018); null if
        # evaluation.noise_scale is null
        ("b_simple_low", pa.float64()),  # lower end of its 95% interval
        (
            "b_simple_high",
            pa.float64(),
        ),  # upper end of its 95% interval; infinite if there is no finite estimate
        (
            "gradient_norm2",
            pa.float64(),
        ),  # unbiased estimate of |G|²; average it over seeds before dividing
        (
            "trace_sigma",
            pa.float64(),
        ),  # unbiased estimate of tr Σ; average it over seeds before dividing
    ]
)
BATCHES = 8  # small batches of a measurement
DRAWN = 2**32 - 2  # the random stream of this measure, disjoint from training's
T_OF_8 = 2.36  # Student's t at 95% for 8 batches; jobs run without scipy


class NoiseScale:
    """The per-epoch measure; its setting is the share of training images that it uses."""

    key = "noise_scale"
    columns = COLUMNS
    tracked: tuple[str, ...] = ("b_simple",)
    figure = "noise_scale"
    gradients = BATCHES

    def check(self, setting: float) -> None:
        if not 0 < setting <= 1:
            raise ValueError(f"evaluation.noise_scale: {setting} must be above 0 and at most 1")

    def check_point(self, setting: float, unit: int, train_size: int) -> None:
        least = BATCHES * unit / train_size
        if least > setting:
            raise ValueError(
                f"evaluation.noise_scale: {setting} of {train_size:,} images are fewer than {BATCHES} batches of {unit}, "
                f"the least that it can be measured with; write {math.ceil(1000 * least) / 1000} or more, or null"
            )

    def batch(self, fleet: Fleet, train_size: int) -> int:
        """The size of a small batch, a multiple of the BN batch size; the batches together make up
        the share of the training set."""
        unit = fleet.get("bn_batch_size") or 1
        return (
            max(1, int(fleet["evaluation"]["noise_scale"] * train_size) // BATCHES // unit) * unit
        )

    def examples(self, fleet: Fleet, train_size: int) -> int:
        return BATCHES * self.batch(fleet, train_size)

    def measure(
        self, trainer: Trainer, data: Any, fleet: Fleet, replicas: Sequence[Replica], epoch: int
    ) -> list[dict[str, float]]:
        size = len(data.train.labels)
        small = self.batch(fleet, size)
        number = BATCHES * small
        drawn = [
            fresh(one.seed, epoch, size, DRAWN)[:number].reshape(BATCHES, small) for one in replicas
        ]
        found = trainer.gradient_products(data.train, np.stack(drawn))
        return [noise_scale(of_replica, small) for of_replica in found]


def products_of(rows: "torch.Tensor") -> np.ndarray:
    """The inner products ``[K, K]`` of the rows (gradients) of a tensor ``[K, P]``, summed in
    double precision, chunk by chunk."""
    parts = (piece.double() for piece in rows.split(2**16, 1))
    return sum((part @ part.T).numpy() for part in parts)


def two_batch(small: float, big: float, number: int, b: int) -> tuple[float, float]:
    """``(|G|², tr Σ)`` from the mean |g_small|² of `number` batches of `b` examples and |g_big|² of
    their union."""
    return (number * big - small) / (number - 1), (small - big) * b * number / (number - 1)


def noise_scale(products: np.ndarray, b: int) -> dict[str, float]:
    """``{"gradient_norm2", "trace_sigma", "b_simple", "b_simple_low", "b_simple_high"}``; inf: no
    finite estimate.

    Computed from the products g_j·g_k of the small batches' gradients ``[K, K]``. The interval is
    Fieller's for a ratio, with variances from the jackknife over small batches.
    """
    number, squares, dots = len(products), np.diag(products), products.sum(1)
    total = dots.sum()
    squared, trace = two_batch(squares.mean(), total / number**2, number, b)
    without = (
        (squares.sum() - squares) / (number - 1),
        (total - 2 * dots + squares) / (number - 1) ** 2,
    )
    left_out = np.array(two_batch(*without, number - 1, b))
    covariance = np.cov(left_out, ddof=0) * (number - 1)
    low, high = fieller(trace, squared, covariance[1, 1], covariance[0, 0], covariance[0, 1])
    return {
        "gradient_norm2": float(squared),
        "trace_sigma": float(trace),
        "b_simple": float(trace / squared) if squared > 0 else math.inf,
        "b_simple_low": low,
        "b_simple_high": high,
    }


def fieller(
    top: float,
    bottom: float,
    top_var: float,
    bottom_var: float,
    covariance: float,
    t: float = T_OF_8,
) -> tuple[float, float]:
    """Confidence interval of the ratio ``top/bottom`` of two estimates, within [0, inf] (Fieller
    1954).

    It contains the ratios r with (top - r·bottom)² ≤ t²·Var(top - r·bottom). The upper end is
    infinite unless `bottom` is significantly above zero.
    """
    t2 = t**2
    a, b, c = bottom**2 - t2 * bottom_var, top * bottom - t2 * covariance, top**2 - t2 * top_var
    root = b * b - a * c
    if not (math.isfinite(root) and root >= 0):
        return 0.0, math.inf
    if a > 0 and bottom > 0:
        return max(0.0, (b - math.sqrt(root)) / a), max(0.0, (b + math.sqrt(root)) / a)
    ends = (
        sorted(((b - math.sqrt(root)) / a, (b + math.sqrt(root)) / a))
        if a
        else [c / (2 * b) if b else 0.0]
    )
    above = [end for end in ends if end > 0]
    return (above[0] if above and c > 0 else 0.0), math.inf
