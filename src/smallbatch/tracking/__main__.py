"""Log the missing runs of a study in MLflow: ``python -m smallbatch.tracking results/STUDY``; with
``--report``, log its report."""

import sys
from pathlib import Path

from smallbatch.tracking.runs import track_report, track_study

if __name__ == "__main__":
    (track_report if "--report" in sys.argv else track_study)(Path(sys.argv[1]))
