"""The tables of a study, loaded for figures and report."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from smallbatch.analysis.best import in_budgets, read_best
from smallbatch.analysis.claims.claim import Claim, read_claims
from smallbatch.core.records import StudyPlan


@dataclass(frozen=True)
class Results:
    """The data for figures and report."""

    study: StudyPlan
    table: pd.DataFrame  # one row per point and budget that contains it
    best: Any  # a frame; None before the study is analysed
    folder: Path

    @property
    def calibration(self) -> pd.DataFrame:
        """Seconds per update of each (m, norm, BN batch size) on this machine
        (`resources/calibrate.py`)."""
        return pd.read_csv(self.folder / "calibration.csv", dtype={"bn_batch_size": "Int64"})

    @property
    def history(self) -> pd.DataFrame:
        """One row per point and epoch; loaded on access because it is the largest table."""
        return pd.read_parquet(self.folder / "history.parquet")

    @property
    def claims(self) -> list[Claim]:
        """The claims of the study with their verdicts."""
        return read_claims(self.folder / "claims.json")

    @property
    def correct(self) -> Callable[[list[str]], np.ndarray]:
        """A function that returns the final correctness of each test image for a list of points,
        ``[points, images]`` (bool)."""
        stored = pq.read_table(self.folder / "correct.parquet")
        row = {point: i for i, point in enumerate(stored["point"].to_pylist())}
        bits, images = (
            stored["correct"].combine_chunks(),
            self.study["config"]["dataset"]["sizes"]["test"],
        )

        def correct(points: list[str]) -> np.ndarray:
            packed = b"".join(bits[row[point]].as_py() for point in points)
            rows = np.frombuffer(packed, np.uint8).reshape(len(points), (images + 7) // 8)
            return np.unpackbits(rows, axis=1, count=images).astype(bool)

        return correct


def read_results(folder: Path) -> Results:
    """Load the tables of ``results/<study>/``; `best` is None before the study is analysed."""
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    table = in_budgets(pd.read_parquet(folder / "table.parquet"), study["budgets"])
    path = folder / "best.csv"
    return Results(study, table, read_best(path) if path.is_file() else None, folder)
