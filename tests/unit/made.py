"""Made-up tables of studies, and real correctness of trained networks, for tests of what is read
from them."""

from pathlib import Path

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING, best_settings
from smallbatch.analysis.claims.claim import Claim
from smallbatch.analysis.measured import Measured

IMAGES = 200


def table(
    cells: dict,
    m: int = 8,
    norm: str = "none",
    b=None,
    budget: str = "epochs:1",
    seeds: int = 3,
    schedule: str = "step",
) -> pd.DataFrame:
    """`cells`: η̃ -> (validation, test) or (validation, test, status); seeds differ by 0.01 in
    test."""
    rows = []
    for rate, (validation, test, *status) in cells.items():
        for seed in range(seeds):
            rows.append(
                {
                    "batch_size": m,
                    "norm": norm,
                    "bn_batch_size": b,
                    "schedule": schedule,
                    "budget": budget,
                    "base_lr": rate,
                    "lr": rate * m,
                    "seed": seed,
                    "status": (status or ["completed"])[0],
                    "train_loss": 1.0,
                    "val_accuracy": validation,
                    "val_loss": 1 - validation,
                    "test_accuracy": test + 0.01 * seed,
                    "updates_planned": 10,
                    "updates": 10,
                    "examples": 80,
                    "flops": 1e6,
                    "seconds_alone": 0.1,
                    "seconds": 0.01,
                    "point": f"{m}-{norm}-{b}-{rate}-{seed}-{budget}-{schedule}",
                }
            )
    frame = pd.DataFrame(rows)
    frame["bn_batch_size"] = frame["bn_batch_size"].astype("Int64")
    return frame


def measured(
    frame: pd.DataFrame, planned: list[dict] | None = None, images: int = IMAGES
) -> Measured:
    """What claims and answers are read from: each point is right about its accuracy's share of the
    images, the easiest first."""
    accuracy = frame.drop_duplicates("point").set_index("point")["test_accuracy"]
    hardness = (np.random.default_rng(0).permutation(images) + 0.5) / images

    def correct(points: list[str]) -> np.ndarray:
        return np.array([hardness < accuracy[point] for point in points]).reshape(
            len(points), images
        )

    return Measured(
        frame, best_settings(frame), grid(frame) if planned is None else planned, correct
    )


def claim(name: str = "c", **changes) -> Claim:
    """An undecided claim of +0.4 points (-0.1 to 0.9), but for `changes`."""
    found = {
        "estimate": 0.4,
        "ci_low": -0.1,
        "ci_high": 0.9,
        "p_value": 0.1,
        "p_holm": 0.1,
        "seeds": 10,
    }
    words = dict.fromkeys(
        ("source", "statement", "statistic", "decide_by", "needs", "fails", "found"), ""
    )
    rule = {
        "unit": "points",
        "level": 0.95,
        "alpha": 0.05,
        "seeds_planned": 10,
        "interim": False,
        "bounds": [0.0, 0.5],
    }
    unknown = {"norm": None, "bootstrap": None, "cross_fitted": None, "cite": None}
    rest = {"budget": "epochs:1", "test_images": 200, "rivals": [], "blocked": [], "overrides": []}
    return Claim(
        **{"claim": name, "verdict": "undecided"} | found | words | rule | unknown | rest | changes
    )


def grid(frame: pd.DataFrame) -> list[dict]:
    """A plan of just the points that are there, as `grid.expand` gives it."""
    return [
        dict(zip(SETTING, (None if pd.isna(value) else value for value in key), strict=True))
        | {
            "path": "grid",
            "base_lr": sorted(group["base_lr"].unique()),
            "seeds": group["seed"].nunique(),
        }
        for key, group in frame.groupby(SETTING, dropna=False, sort=False)
    ]


def real(name: str) -> np.ndarray:
    """Correctness ``[60 seeds, 517 images]`` of the default study's network; names: m8_none,
    m64_none, m8_bn, m64_bn, m128_bn.

    Written by the default study with ``grid.seeds=60`` at 2⁻⁶, 2⁻⁸, 2⁻⁶, 2⁻⁷ and 2⁻⁸.
    """
    packed = np.load(Path(__file__).with_name("data") / "correctness.npz")[name]
    return np.unpackbits(packed, axis=1, count=517).astype(bool)
