"""The gradient noise scale over several seeds."""

import numpy as np
import pandas as pd
from scipy import special

from smallbatch.measures.noise_scale import fieller

WINDOW = 3  # epochs to average over: the epoch, one before and one after


def noise_over_seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """``line, epoch, seeds, b_simple, b_simple_low, b_simple_high`` from the estimates in `runs`,
    with one row per seed and epoch.

    Estimates of tr Σ and |G|² are averaged over seeds and WINDOW epochs, then divided (McCandlish
    et al. 2018, appendix A.1). The interval is Fieller's, from the seeds' means (inf: no finite
    estimate).
    """
    rows = []
    for line, group in runs.groupby("line", sort=False):
        for epoch in sorted(group["epoch"].unique()):
            near = group[(group["epoch"] - epoch).abs() <= WINDOW // 2]
            of_seeds = near.groupby("seed")[["trace_sigma", "gradient_norm2"]].mean().dropna()
            (trace, squared), number = of_seeds.mean(), len(of_seeds)
            row = {
                "line": line,
                "epoch": epoch,
                "seeds": number,
                "b_simple": trace / squared if squared > 0 else np.inf,
            }
            low, high = np.nan, np.nan
            if number > 1:
                spread = of_seeds.cov().to_numpy() / number
                low, high = fieller(
                    trace,
                    squared,
                    spread[0, 0],
                    spread[1, 1],
                    spread[0, 1],
                    special.stdtrit(number - 1, 0.975),
                )
            rows.append(row | {"b_simple_low": low, "b_simple_high": high})
    return pd.DataFrame(rows)
