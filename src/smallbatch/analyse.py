"""Analyse a study: ``python -m smallbatch.analyse results/STUDY`` writes best.csv from its tables."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from smallbatch.analysis.best import best_settings, in_budgets


@dataclass(frozen=True)
class Results:
    """What figures and page are made from."""

    study: dict
    table: pd.DataFrame  # one row per point and budget that it stands in
    best: pd.DataFrame | None
    folder: Path

    @property
    def calibration(self) -> pd.DataFrame:
        """Seconds per update of each (m, norm, BN batch size) on this machine (`calibrate.py`)."""
        return pd.read_csv(self.folder / "calibration.csv", dtype={"bn_batch_size": "Int64"})

    @property
    def history(self) -> pd.DataFrame:
        """One row per point and epoch; read when asked for, since it is the largest table."""
        return pd.read_parquet(self.folder / "history.parquet")


def read_results(folder: Path) -> Results:
    """The tables of ``results/<study>/``; `best` is None before it was analysed."""
    study = json.loads((folder / "study.json").read_text())
    table = in_budgets(pd.read_parquet(folder / "table.parquet"), study["budgets"])
    best = folder / "best.csv"
    frame = pd.read_csv(best, dtype={"bn_batch_size": "Int64"}) if best.is_file() else None
    return Results(study, table, frame, folder)


if __name__ == "__main__":
    _folder = Path(sys.argv[1])
    best_settings(read_results(_folder).table).to_csv(_folder / "best.csv", index=False)
