"""What untrained points have learned all the same."""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING
from smallbatch.core.rates import rate_text

ERRORS = 4  # standard errors that an accuracy must be above the most frequent class's share
GUESS = "val_accuracy_guess"


def better_than_guessing(table: pd.DataFrame, images: int) -> list[str]:
    """A sentence if untrained points of a setting and η̃ are on average clearly better on the
    `images` of validation than the most frequent class: they have learned, but too little for a
    recommendation."""
    untrained = table[table["status"] == "untrained"]
    if GUESS not in table or untrained[GUESS].isna().all():
        return []
    means = untrained.groupby([*SETTING, "base_lr"], dropna=False)[["val_accuracy", GUESS]].mean()
    best = means.reset_index().sort_values("val_accuracy", kind="stable").iloc[-1]
    guess, accuracy = best[GUESS], best["val_accuracy"]
    error = np.sqrt(max(guess * (1 - guess), 1 / images) / images)
    if not accuracy > guess + ERRORS * error:
        return []
    return [
        f"Untrained points are better than guessing: the most accurate, m = {best['batch_size']} at "
        f"η̃ = {rate_text(best['base_lr'])}, get {100 * accuracy:.1f}% of the validation images right, where always "
        f"answering the most frequent class gets {100 * guess:.1f}%. They count as untrained because their training "
        "loss hardly fell: train longer or at a larger η̃; if many training labels are wrong, validation "
        "images with correct labels show what was learned."
    ]
