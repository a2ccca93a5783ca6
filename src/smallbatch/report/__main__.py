"""Build the report of a study: ``python -m smallbatch.report results/STUDY`` writes report.html."""

import sys
from pathlib import Path

from smallbatch.analysis.results import read_results
from smallbatch.report.build import build_page

if __name__ == "__main__":
    _folder = Path(sys.argv[1])
    (_folder / "report.html").write_text(build_page(read_results(_folder)), encoding="utf-8")
