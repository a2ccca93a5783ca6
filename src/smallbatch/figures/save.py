"""Draw a figure of a study and save it as PNG, SVG, PDF and CSV."""

import importlib
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from smallbatch.analysis.results import read_results
from smallbatch.figures.hover import add_titles, name_marks

matplotlib.use("Agg")
# Metadata without dates: the same figure results in the same file.
UNDATED = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
DPI = 160
MARGIN = 0.1  # inches


def save_figure(name: str, study: Path, target: Path) -> None:
    """Draw the figure `name` of the study in the folder `study` and save it as
    ``target/<name>.*``."""
    figure, data = importlib.import_module(f"smallbatch.figures.{name}").draw(read_results(study))
    data.to_csv(target / f"{name}.csv", index=False)
    titles = name_marks(figure)
    box = lay_out(figure)
    for kind, metadata in UNDATED.items():
        figure.savefig(target / f"{name}.{kind}", metadata=metadata, dpi=DPI, bbox_inches=box)
    add_titles(target / f"{name}.svg", titles)
    plt.close(figure)


def lay_out(figure: plt.Figure) -> matplotlib.transforms.Bbox:
    """Lay out the figure once for all files; returns its bounding box in inches."""
    figure.set_dpi(DPI)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure.get_tightbbox().padded(MARGIN)
