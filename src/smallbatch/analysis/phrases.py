"""Settings, accuracies and differences as text in sentences."""

import pandas as pd

from smallbatch.analysis.best import Row
from smallbatch.analysis.effect import Effect
from smallbatch.analysis.rate_curve import LACK
from smallbatch.core.rates import rate_text
from smallbatch.core.text import norm_text

FEW = 5  # seeds; with fewer, not even a one-sided sign test reaches p < 0.06


def setting_text(row: Row) -> str:
    """``BN over the batch at η̃ = 2**-6 (η = 0.125)``."""
    norm = norm_text(row["norm"], row["bn_batch_size"], row["batch_size"])
    return f"{norm} at η̃ = {rate_text(row['base_lr'])} (η = {row['lr']:.3g})"


def percent(row: Row) -> str:
    return f"{100 * row['test_accuracy']:.1f}%"


def interval(row: Row) -> str:
    """``97.1% (95% interval 96.8 to 97.4 over 10 seeds, these test images only)``."""
    text = percent(row)
    if pd.isna(row["ci_low"]):
        return f"{text} (one seed, so no interval)"
    return (
        f"{text} (95% interval {100 * row['ci_low']:.1f} to {100 * row['ci_high']:.1f} over {int(row['seeds'])} seeds, "
        "these test images only)"
    )


def told(gap: Effect, more: str, less: str, neither: str = "no difference could be told") -> str:
    """`more` or `less` if the 95% interval of a difference excludes zero, else `neither`; another
    sentence for fewer than FEW seeds."""
    if gap.seeds < FEW:
        return f"{gap.seeds} seeds are too few to tell a difference"
    low, high = gap.interval(0.95)
    return more if low > 0 else less if high < 0 else neither


def points(gap: Effect) -> str:
    """``+0.4 points (95% interval −0.1 to +0.9)``."""
    text = f"{signed(gap.estimate)} points"
    if gap.seeds < FEW:
        return text
    low, high = (signed(value) for value in gap.interval(0.95))
    return f"{text} (95% interval {low} to {high})"


def seconds_text(seconds: float) -> str:
    """``0.35 s``, ``12 s``, ``3.2 min``, ``1.5 h``."""
    unit, size = ("s", 1) if seconds < 90 else ("min", 60) if seconds < 5400 else ("h", 3600)
    return (
        f"{seconds / size:.2g} {unit}" if seconds / size < 10 else f"{seconds / size:,.0f} {unit}"
    )


def signed(value: float, digits: int = 1) -> str:
    """``+0.4``, ``−1.2``, ``0.0``."""
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if float(f"{value:.{digits}f}") else text[1:]


def listed(items: list) -> str:
    """``2, 4 and 8``."""
    *others, last = map(str, items)
    return f"{', '.join(others)} and {last}" if others else last


def course_text(fit: Row) -> str:
    """How the best η goes with m by a row of `scaling.exponents`: its exponent, or that no power of
    m fits, and which curve predicts a batch size that is left out best."""
    lack, found = fit["lack_of_fit"], fit["course"]
    p, low, high = (f"{fit[key]:.2f}".replace("-", "−") for key in ("p", "ci_low", "ci_high"))
    by = {
        "power": "by this power",
        "saturating": "by η∞/(1 + m_c/m)",
        "neighbours": "by interpolation between its neighbours",
    }[found.shape]
    if lack < LACK:
        said = f"no power of m fits (the curve bends, p value {lack:.2g})"
    else:
        said = f"η ∝ m^p with p = {p} (95% interval {low} to {high}; 1 is linear scaling)"
    return f"{said}; a batch size left out is predicted best {by}, to {found.error:.2f} octaves"


def end_of_sizes(m: int, sizes: list[int]) -> str:
    """A sentence if the best m is the smallest or largest of several tried, else nothing."""
    if len(sizes) < 2 or m not in (min(sizes), max(sizes)) or m == 1:
        return ""
    end, beyond = ("smallest", "smaller") if m == min(sizes) else ("largest", "larger")
    return f" It is the {end} m tried, so a {beyond} one may be better."
