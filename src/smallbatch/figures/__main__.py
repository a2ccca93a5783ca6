"""Draw a study's figures that are out of date: ``python -m smallbatch.figures results/STUDY
[--processes N]``."""

import argparse
from pathlib import Path

from smallbatch.core.errors import main_errors
from smallbatch.figures.draw import draw_figures

if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    _parser.add_argument("study", type=Path, help="a folder like results/digits")
    _parser.add_argument("--processes", type=int, default=1, help="that draw at the same time")
    _arguments = _parser.parse_args()
    with main_errors():
        draw_figures(_arguments.study, _arguments.processes)
