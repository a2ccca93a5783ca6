"""Draw one figure: ``python -m smallbatch.figures NAME results/STUDY`` writes SVG, PNG, PDF and CSV."""

import importlib
import sys
from pathlib import Path

import matplotlib

from smallbatch.analyse import read_results
from smallbatch.figures.hover import add_titles, name_marks

matplotlib.use("Agg")

if __name__ == "__main__":
    _name, _folder = sys.argv[1], Path(sys.argv[2])
    _figure, _data = importlib.import_module(f"smallbatch.figures.{_name}").draw(read_results(_folder))
    _target = _folder / "figures"
    _target.mkdir(exist_ok=True)
    _data.to_csv(_target / f"{_name}.csv", index=False)
    _undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    _titles = name_marks(_figure)
    for _format, _metadata in _undated.items():
        _figure.savefig(_target / f"{_name}.{_format}", metadata=_metadata, dpi=160, bbox_inches="tight")
    add_titles(_target / f"{_name}.svg", _titles)
