"""Time training, side by side in one process: ``python -m smallbatch.bench [OUT]`` (about five
minutes, one thread).

Writes ``OUT.csv`` and ``OUT.{svg,png}`` (default: ``results/bench``) and prints a table of images
per second for the standard PyTorch loop, a fleet, a single model with a large batch, and
``vmap(grad)``. `bench/peer_jax.py` adds vmap and scan in JAX. ``--device cuda`` runs
`bench/gpu.py`.
"""

import argparse
import csv
import statistics
from pathlib import Path

import torch

from smallbatch.bench.cases import CASES, Case, random_data, ways
from smallbatch.core import provenance
from smallbatch.training.fleet import set_up

SECONDS = 0.3  # approximate length of a repeat
REPEATS = 5
MOST_UPDATES = 2000
COLUMNS = (
    "model",
    "image",
    "batch_size",
    "norm",
    "way",
    "images_per_second",
    "spread",
    "ratio_to_textbook",
    "repeats",
    "engine",
    "machine",
    "versions",
)


def measure(case: Case) -> list[dict]:
    """Time a case; returns one row of COLUMNS per way. Repeats of the ways alternate, so that
    temporary slowdowns affect all of them."""
    found = ways(case, random_data(case))
    numbers = {}
    for name, updates in found.items():
        updates(1)  # warm-up
        numbers[name] = max(1, min(MOST_UPDATES, round(SECONDS * updates(2) / updates.images)))
    speeds: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(REPEATS):
        for name, updates in found.items():
            speeds[name].append(updates(numbers[name]))
    median = {name: statistics.median(values) for name, values in speeds.items()}
    best = {}  # the faster of the two memory layouts of the textbook loop
    for name in median:
        kind = name.removesuffix(", channels last")
        best[kind] = max(
            (n for n in median if n.removesuffix(", channels last") == kind),
            key=lambda n: median[n],
        )
    return [
        {
            "model": case.model,
            "image": "x".join(map(str, case.shape[1:])),
            "batch_size": case.batch_size,
            "norm": case.norm,
            "way": kind,
            "images_per_second": round(median[name], 1),
            "spread": round((max(speeds[name]) - min(speeds[name])) / median[name], 3),
            "ratio_to_textbook": round(median[name] / median[best["textbook"]], 3),
            "repeats": REPEATS,
            "engine": getattr(found[name], "engine", ""),
            "machine": provenance.processor(),
            "versions": provenance.versions("torch", "numpy"),
        }
        for kind, name in best.items()
    ]


def main(out: Path) -> None:
    from rich.progress import track

    set_up()
    rows = []
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out.with_suffix(".csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        try:
            for case in track(CASES, "timing", transient=True):
                found = measure(case)
                writer.writerows(found)
                file.flush()
                rows += found
                speed = {row["way"]: row["images_per_second"] for row in found}
                ratio = speed["fleet"] / speed["textbook"]
                name = f"{case.model} {case.shape[1]}×{case.shape[2]}, norm {case.norm}, m = {case.batch_size}"
                print(
                    f"{name}: {speed['fleet']:,.0f} images/s, {ratio:.1f} times the textbook loop",
                    flush=True,
                )
        except KeyboardInterrupt:
            print(f"stopped; what was timed is in {out.with_suffix('.csv')}")
    if rows:
        show(rows)
        from smallbatch.bench.figure import draw

        draw(out.with_suffix(".csv"))


def show(rows: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table

    kinds = ("textbook", "fleet", "vmap", "textbook large")
    table = Table(
        title=f"images per second, one thread of {provenance.processor()}, torch {torch.__version__}"
    )
    for column in ("model", "image", "norm", "m", *kinds, "fleet / textbook", "fleet / vmap"):
        table.add_column(
            column, justify="left" if column in ("model", "image", "norm") else "right"
        )
    cases: dict[tuple, dict] = {}
    for row in rows:
        cases.setdefault((row["model"], row["image"], row["norm"], row["batch_size"]), {})[
            row["way"]
        ] = row
    for key, found in cases.items():
        speed = {kind: found[kind]["images_per_second"] for kind in kinds if kind in found}
        table.add_row(
            *map(str, key),
            *(
                f"{speed[kind]:,.0f} ±{found[kind]['spread']:.0%}" if kind in speed else ""
                for kind in kinds
            ),
            *(f"{speed['fleet'] / speed[kind]:.2f}" for kind in ("textbook", "vmap")),
        )
    Console(width=160).print(table)


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    _parser.add_argument("out", type=Path, nargs="?", default=Path("results/bench"))
    _parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    _arguments = _parser.parse_args()
    if _arguments.device == "cpu":
        main(_arguments.out)
    else:
        from smallbatch.bench import gpu
        from smallbatch.core.errors import main_errors
        from smallbatch.training.engines.device import place

        with main_errors():
            gpu.main(_arguments.out, place("cuda", 1, None, print))
