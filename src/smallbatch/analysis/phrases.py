"""How settings, accuracies and differences are said in a sentence."""

import pandas as pd

from smallbatch.analysis.best import Difference
from smallbatch.rates import rate_text
from smallbatch.text import norm_text

FEW = 5  # seeds: below, even a sign test cannot reach p < 0.06


def setting_text(row) -> str:
    """``BN over the batch at η̃ = 2**-6 (η = 0.125)``."""
    norm = norm_text(row["norm"], row["bn_batch_size"], row["batch_size"])
    return f"{norm} at η̃ = {rate_text(row['base_lr'])} (η = {row['lr']:.3g})"


def percent(row) -> str:
    return f"{100 * row['test_accuracy']:.1f}%"


def interval(row) -> str:
    """``97.1% (95% interval 96.8 to 97.4 over 10 seeds, these test images only)``."""
    text = percent(row)
    if pd.isna(row["ci_low"]):
        return f"{text} (one seed, so no interval)"
    return (
        f"{text} (95% interval {100 * row['ci_low']:.1f} to {100 * row['ci_high']:.1f} over {int(row['seeds'])} seeds, "
        "these test images only)"
    )


def told(gap: Difference, more: str, less: str, neither: str = "no difference could be told") -> str:
    """`more` or `less` if the interval of a difference leaves zero out, else `neither`; nothing from a few seeds."""
    if gap.seeds < FEW:
        return f"{gap.seeds} seeds are too few to tell a difference"
    return more if gap.low > 0 else less if gap.high < 0 else neither


def points(gap: Difference) -> str:
    """``+0.4 points (95% interval over seeds −0.1 to +0.9)``."""
    mean, low, high = (_signed(100 * value) for value in (gap.mean, gap.low, gap.high))
    return f"{mean} points" + (f" (95% interval over seeds {low} to {high})" if gap.seeds >= FEW else "")


def _signed(value: float) -> str:
    text = f"{value:+.1f}".replace("-", "−")
    return "0.0" if text.endswith("0.0") and len(text) == 4 else text
