"""Which points are untrained, seen against what a study reached.

While a point trains, a training loss that has hardly fallen is all that there is to see
(`training/history.py`). Where many labels are wrong it cannot fall: what a network learns from them
shows in its accuracy, as far as the best settings of the study tell what accuracy can be reached.
"""

import numpy as np
import pandas as pd

from smallbatch.analysis.best import SETTING

SHARE = 0.8  # of what the best mean of the study gains over the most frequent class
OWN = 0.5  # likewise, of a single point: one stuck seed among good ones is no noise of labels
ERRORS = 4  # standard errors that this gain must be away from 0
GUESS = "val_accuracy_guess"


def judged(table: pd.DataFrame, images: int) -> pd.DataFrame:
    """The table with status ``completed`` for untrained points of a setting and η̃ whose mean
    validation accuracy gains as much as `SHARE` of what the study's best gains over the most
    frequent class, and their own as much as `OWN`. `images`: of validation."""
    if GUESS not in table or table[GUESS].isna().all():
        return table
    of_rate = table.groupby([*SETTING, "base_lr"], dropna=False)
    gain = of_rate["val_accuracy"].transform("mean") - table[GUESS]
    alive = of_rate["status"].transform(lambda status: bool((status != "diverged").all()))
    guess = float(table[GUESS].dropna().iloc[0])
    best = gain[alive.astype(bool)].max()
    error = np.sqrt(max(guess * (1 - guess), 1 / images) / images)
    if not best > ERRORS * error:
        return table
    own = table["val_accuracy"] - table[GUESS]
    learnt = (table["status"] == "untrained") & (gain >= SHARE * best) & (own >= OWN * best)
    return table.assign(status=table["status"].mask(learnt, "completed"))
