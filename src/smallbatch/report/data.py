"""What the page says of the data."""

import json
from pathlib import Path

import pandas as pd

from smallbatch.core.records import StudyPlan
from smallbatch.data import SPLITS


def guess_sentence(points: pd.DataFrame) -> str | None:
    """What an answer without looking would get; None of points that were stored without it."""
    columns = ["val_accuracy_guess", "test_accuracy_guess"]
    if not set(columns) <= set(points) or points[columns].isna().all(axis=None):
        return None
    validation, test = (f"{100 * points[column].dropna().iloc[0]:.2f}" for column in columns)
    return (
        f"Always answering the most frequent class of the training images gets {validation}% of the validation "
        f"images right and {test}% of the test images."
    )


def data_rows(folder: Path, study: StudyPlan) -> list[tuple[str, str]]:
    """Images and classes of each split, and what was odd when they were prepared; nothing where the
    prepared data is gone. `folder` is that of the study's results."""
    path = folder.parent / "data" / study["data"] / "about.json"
    if not path.is_file():
        return []
    about = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for split in SPLITS if "counts" in about else ():
        counts = about["counts"][split]
        share = 100 * max(counts) / sum(counts)
        rows.append(
            (
                split,
                f"{sum(counts):,} images of {len(counts):,} classes; the rarest class has {min(counts):,}, "
                f"the most frequent {max(counts):,} ({share:.1f}%)",
            )
        )
    return rows + [("warning", note) for note in about.get("notes", [])]
