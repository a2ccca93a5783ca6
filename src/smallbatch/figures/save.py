"""One figure of a study, drawn and saved as SVG, PNG, PDF and CSV."""

import importlib
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from smallbatch.analyse import read_results
from smallbatch.figures.hover import add_titles, name_marks

matplotlib.use("Agg")
UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}  # the same figure gives the same file


def save_figure(name: str, study: Path, target: Path) -> None:
    """Draw the figure `name` of the study in the folder `study`, into files ``target/<name>.*``."""
    figure, data = importlib.import_module(f"smallbatch.figures.{name}").draw(read_results(study))
    data.to_csv(target / f"{name}.csv", index=False)
    titles = name_marks(figure)
    for kind, metadata in UNDATED.items():
        figure.savefig(target / f"{name}.{kind}", metadata=metadata, dpi=160, bbox_inches="tight")
    add_titles(target / f"{name}.svg", titles)
    plt.close(figure)
