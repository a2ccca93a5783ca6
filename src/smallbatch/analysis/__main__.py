"""Analyse a study: ``python -m smallbatch.analysis results/STUDY`` writes best.csv and claims.json
from its tables."""

import sys
from pathlib import Path

from smallbatch.analysis.best import best_settings
from smallbatch.analysis.claims.ceiling import most_test_images
from smallbatch.analysis.claims.claim import write_claims
from smallbatch.analysis.claims.judge import judge
from smallbatch.analysis.measured import Measured
from smallbatch.analysis.results import read_results
from smallbatch.planning.grid import expand


def analyse(folder: Path) -> None:
    """Write best.csv and claims.json of ``results/<study>/``."""
    results = read_results(folder)
    best = best_settings(results.table)
    best.to_csv(folder / "best.csv", index=False)
    study = results.study
    data = Measured(results.table, best, expand(study["config"]), results.correct)
    claims = judge(
        study["claims"],
        data,
        study["config"]["claims"]["seeds_planned"],
        most_test_images(study["config"]["dataset"]),
    )
    write_claims(claims, folder / "claims.json")


if __name__ == "__main__":
    analyse(Path(sys.argv[1]))
