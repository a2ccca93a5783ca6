"""The figures of a study and the tables that each figure reads (without plotting libraries).

To add a figure: `figures/<name>.py` with ``draw(results) -> (figure, data)``; its name in a list
here, and in `MORE_TABLES` if it reads more than the common tables; its title and caption in
`report/captions.py`; a row of the documentation's table.
"""

from smallbatch.core.records import StudyPlan
from smallbatch.measures.registry import EPOCH_MEASURES, asked_for

GRID = [
    "best_by_batch_size",
    "accuracy_by_time",
    "accuracy_by_rate",
    "rate_heat_map",
    "stable_range",
    "rate_scaling",
    "bn_batch_size",
]
GRID += ["learning_curves"]
SCHEDULES = [
    "schedule_curves",
    "updates_to_target",
    "batch_size_course",
    "accuracy_by_time",
    "accuracy_by_rate",
]
SCHEDULES += ["rate_heat_map"]
MEASURES = [measure.figure for measure in EPOCH_MEASURES]
FIGURES = list(dict.fromkeys(["claims", *SCHEDULES, *GRID, *MEASURES, "throughput"]))
FORMATS = ("svg", "png", "pdf", "csv")
# Tables that every figure reads (`results.read_results`), and additional ones.
TABLES = ("table.parquet", "best.csv", "study.json")
HISTORIES = (
    "learning_curves",
    "schedule_curves",
    "updates_to_target",
    "batch_size_course",
    *MEASURES,
)
MORE_TABLES = dict.fromkeys(HISTORIES, "history.parquet") | {
    "throughput": "calibration.csv",
    "claims": "claims.json",
    "accuracy_by_time": "correct.parquet",
}


def figures_of(study: StudyPlan) -> list[str]:
    """The names of a study's figures, in the order of the report; `study` is its plan or the
    content of study.json."""
    names = {setting["schedule"] for entry in study["budgets"] for setting in entry["settings"]}
    measures = [measure.figure for measure in asked_for(study["config"]["evaluation"])]
    claims = ["claims"] if study["claims"] else []
    return [*claims, *(SCHEDULES if len(names) > 1 else GRID), *measures, "throughput"]


def tables_of(figure: str) -> list[str]:
    """The files of a study's folder that a figure reads."""
    return [*TABLES, MORE_TABLES[figure]] if figure in MORE_TABLES else [*TABLES]
