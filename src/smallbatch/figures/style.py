"""The style shared by all figures."""

import math
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from smallbatch.core.rates import rate_label
from smallbatch.core.text import norm_text


def set_style() -> None:
    sns.set_theme(style="whitegrid", context="notebook", font_scale=0.9, palette="colorblind")
    plt.rcParams["svg.hashsalt"] = "smallbatch"  # the same figure results in the same file
    plt.rcParams["svg.fonttype"] = "none"  # keep text as text: searchable and small
    plt.rcParams["font.family"] = "DejaVu Sans"


def batch_size_color(m: int) -> tuple:
    """The colour of m in all figures and studies: viridis over log2 m, from 1 to 1024."""
    return sns.color_palette("viridis", as_cmap=True)(0.95 * min(math.log2(m) / 10, 1))


def log2_axis(axis: Axis, values: Iterable[float], rates: bool = False) -> None:
    """Set ticks of a log2 axis at `values`, labelled as plain numbers or, with `rates`, as learning
    rates."""
    axis.set_major_locator(FixedLocator(sorted(values)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: rate_label(value) if rates else f"{value:g}")
    )


def accuracy_axis(axis: Axis, lowest: float) -> None:
    """Scale an accuracy axis (%) by log(error), to spread accuracies near 100%."""
    ceiling = 100.5  # above 100%, where log(error) would be infinite
    axis.axes.set_yscale(
        "function",
        functions=(lambda a: -np.log(ceiling - np.minimum(a, 100)), lambda y: ceiling - np.exp(-y)),
    )
    low, high = axis.get_view_interval()
    ticks: list[float] = [
        tick
        for tick in (0, 20, 40, 60, 70, 80, 90, 95, 97, 98, 99, 100)
        if max(low, lowest - 10) < tick < high
    ]
    if len(ticks) < 4:  # a narrow range: use even steps
        ticks = [
            tick
            for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high)
            if low <= tick <= high
        ]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def message_figure(text: str) -> plt.Figure:
    """A figure with a message that explains why there is nothing to draw."""
    figure, axes = plt.subplots(figsize=(7, 2))
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()
    return figure


NOTHING_TRAINED = "No setting trained with every seed."


def series_of(frame: pd.DataFrame, schedules: bool = True) -> pd.Series:
    """The text of each row's norm (`norm_text`) and, if there are several, its schedule."""
    norms = pd.Series(
        [
            norm_text(n, b, m)
            for n, b, m in zip(
                frame["norm"], frame["bn_batch_size"], frame["batch_size"], strict=True
            )
        ],
        index=frame.index,
    )
    if schedules and "schedule" in frame and frame["schedule"].nunique() > 1:
        return frame["schedule"] + (", " + norms if norms.nunique() > 1 else "")
    return norms
