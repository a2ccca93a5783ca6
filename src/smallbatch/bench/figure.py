"""The figure of a benchmark: ``python -m smallbatch.bench.figure results/bench.csv``."""

import sys
from pathlib import Path

import pandas as pd
import seaborn as sns

from smallbatch.figures.style import log2_axis, set_style

WAYS = {
    "fleet": "fleet (this project)",
    "jax": "JAX, vmap + scan",
    "vmap": "PyTorch, vmap(grad)",
    "textbook": "PyTorch, textbook loop",
    "textbook large": "one model, batch of 256",
}
NORMS = {"none": "no norm", "bn": "batch norm", "ghost": "ghost batch norm over 4"}


def draw(path: Path) -> None:
    """Draw ``path`` (and the rows of ``<name>-jax.csv`` in the same folder, if present) as SVG and
    PNG in the same folder."""
    set_style()
    data = pd.read_csv(path)
    jax = path.with_name(path.stem + "-jax.csv")
    if jax.is_file():
        data = pd.concat([data, pd.read_csv(jax).query("way == 'jax'")])
    data = data.copy()
    data["panel"] = [
        f"{'conv net' if model == 'conv' else 'ResNet-8'}, {image.replace('x', '×')}, {NORMS[norm]}"
        for model, image, norm in zip(data["model"], data["image"], data["norm"], strict=True)
    ]
    data["series"] = data["way"].map(WAYS)
    data["thousands"] = data["images_per_second"] / 1000
    present = [label for label in WAYS.values() if label in set(data["series"])]
    grid = sns.relplot(
        data,
        x="batch_size",
        y="thousands",
        hue="series",
        style="series",
        hue_order=present,
        style_order=present,
        markers=True,
        dashes=False,
        kind="line",
        col="panel",
        col_wrap=3,
        palette="colorblind",
        height=3.4,
        aspect=1.15,
        markersize=8,
        facet_kws={"sharey": False},
    )
    for name, axes in grid.axes_dict.items():
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set_title(name)
        part = data[data["panel"] == name]
        log2_axis(axes.xaxis, data["batch_size"].unique())  # the axis is shared
        low, high = part["thousands"].min(), part["thousands"].max()
        log2_axis(axes.yaxis, [2.0**k for k in range(-6, 14) if low / 1.5 < 2.0**k < high * 1.5])
    grid.set_axis_labels("batch size m (examples per update)", "thousand images / s")
    grid.legend.set_title(None)
    note = f"One thread of {data['machine'].iloc[0]}; medians of {data['repeats'].iloc[0]} repeats; {data['versions'].iloc[0]}."
    grid.figure.text(0.01, -0.02, note, fontsize="small", va="top")
    for suffix in (".svg", ".png"):
        grid.figure.savefig(path.with_suffix(suffix), bbox_inches="tight", dpi=120)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
