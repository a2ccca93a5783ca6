"""Training throughput per core against batch size, of a single model and of replicas in a fleet."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from smallbatch.analysis.results import Results
from smallbatch.figures.style import log2_axis, series_of, set_style


def draw(results: Results) -> tuple[plt.Figure, pd.DataFrame]:
    set_style()
    data = results.calibration.dropna(subset=["seconds_update_alone"]).copy()
    # Moments of per-example gradients, for adaptive rules.
    kinds = data["step"].map(
        {"update": "", "fresh update": ", fresh draws", "round": ", with moments"}
    )
    data["series"] = series_of(data) + kinds
    # Without norm first, then BN over the batch, then BN over increasing numbers of examples, as in
    # the other figures.
    ghost = (data["bn_batch_size"] != data["batch_size"]) * data["bn_batch_size"].fillna(0)
    names = list(
        dict.fromkeys(
            data.assign(rank=ghost.where(data["norm"] != "none", -1)).sort_values("rank")["series"]
        )
    )
    both = pd.concat(
        [
            data.assign(
                how=how, images_per_second=data["batch_size"] / data[f"seconds_update_{key}"]
            )
            for how, key in (("in a fleet", "fleet"), ("one model alone", "alone"))
        ]
    )
    both["thousands"] = both["images_per_second"] / 1000
    grid = sns.relplot(
        both,
        x="batch_size",
        y="thousands",
        hue="series",
        hue_order=names,
        style_order=names,
        style="series",
        markers=True,
        dashes=False,
        col="how",
        kind="line",
        palette="colorblind",
        height=4,
        aspect=1.2,
        markersize=8,
    )
    grid.set(xscale="log", yscale="log")
    for axes in grid.axes.flat:
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        log2_axis(axes.xaxis, data["batch_size"].unique())
        low, high = both["thousands"].min(), both["thousands"].max()
        log2_axis(axes.yaxis, [2.0**k for k in range(-6, 14) if low / 2 < 2.0**k < high * 2])
    grid.set_titles("{col_name}")
    grid.set_axis_labels(
        "batch size m (examples per update)", "thousand training images / s, one core"
    )
    grid.legend.set_title(None)
    machine = ", ".join(data["machine"].unique())
    note = f"Training steps only, medians of 3 short timings beside other work on the machine. {machine}."
    grid.figure.text(0.01, -0.02, note, fontsize="small", va="top")
    return grid.figure, both.drop(columns=["series", "thousands"])
