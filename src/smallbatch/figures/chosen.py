"""The runs in figures of schedules: the histories at the best η̃ of each setting."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from smallbatch.analysis.best import SETTING, t_interval
from smallbatch.analysis.results import Results
from smallbatch.core.text import budget_text
from smallbatch.figures.style import series_of

DASHES = ["", (4, 1.5), (1, 1), (5, 1.5, 1, 1.5), (8, 2), (2, 2)]


def chosen_runs(results: Results) -> pd.DataFrame:
    """The history of every seed at its setting's best η̃; the column ``line`` is the label of its
    line in a figure."""
    best = results.best.dropna(subset=["base_lr"])
    points = results.table.merge(best[[*SETTING, "base_lr"]], on=[*SETTING, "base_lr"])
    keep = ["point", "norm", "bn_batch_size", "schedule", "budget", "seed"]
    start = points[[*keep, "batch_size"]].rename(columns={"batch_size": "m"})
    runs = start.merge(results.history, on="point")
    runs["line"] = line_names(runs)
    return runs


def line_names(frame: pd.DataFrame) -> pd.Series:
    """``increase, m = 8``: schedule and first batch size, with norm and budget if there are
    several."""
    names = frame["schedule"] + ", m = " + frame["m"].astype(str)
    if frame[["norm", "bn_batch_size"]].drop_duplicates().shape[0] > 1:
        names += ", " + series_of(frame.assign(batch_size=frame["m"]), schedules=False)
    if frame["budget"].nunique() > 1:
        names += ", " + frame["budget"].map(budget_text)
    return names


def looks(runs: pd.DataFrame) -> dict[str, dict]:
    """The colour (by schedule) and dashes (by batch size) of each line."""
    lines = runs[["line", "schedule", "m"]].drop_duplicates("line")
    schedules, sizes = list(dict.fromkeys(lines["schedule"])), sorted(lines["m"].unique())
    palette = sns.color_palette("colorblind", 10)  # pink and yellow are too pale for lines
    colors = [palette[i] for i in (0, 1, 2, 3, 4, 7, 9, 5)] + sns.color_palette("dark", 10)[4:]
    found = {}
    for line, schedule, m in lines.itertuples(index=False):
        dashes = DASHES[sizes.index(m) % len(DASHES)]
        found[line] = {
            "color": colors[schedules.index(schedule) % len(colors)],
            "linestyle": (0, dashes) if dashes else "-",
        }
    return found


def means(runs: pd.DataFrame, value: str, over: list[str], log: bool = False) -> pd.DataFrame:
    """Mean and 95% t interval of `value` over seeds, at every epoch of every line, with the means
    of the columns `over`.

    With `log`, both are computed on logarithms: a geometric mean and an interval above zero.
    """
    rows = []
    for (line, epoch), group in runs.dropna(subset=[value]).groupby(["line", "epoch"], sort=False):
        values = group[value].to_numpy(float)
        values = np.log(np.maximum(values, 1e-12)) if log else values
        found = {"mean": values.mean()} | dict(
            zip(("ci_low", "ci_high"), t_interval(values), strict=True)
        )
        found = {key: float(np.exp(number)) for key, number in found.items()} if log else found
        row = {"line": line, "epoch": epoch} | found
        rows.append(row | {"seeds": len(group)} | {key: group[key].mean() for key in over})
    return pd.DataFrame(
        rows, columns=["line", "epoch", "mean", "ci_low", "ci_high", "seeds", *over]
    )


def plain_log(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers: at powers of ten, at 1, 2 and 5 times these, or
    at even steps, depending on its range."""
    low, high = axis.get_view_interval()
    several = (1,) if high > 150 * low else (1, 2, 5)
    axis.set_major_locator(
        LogLocator(10, subs=several, numticks=12) if high > 6 * low else MaxNLocator(4)
    )
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,g}"))
