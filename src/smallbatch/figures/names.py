"""Which figures a study has, and the tables that each reads. Without drawing anything."""

from smallbatch.records import StudyPlan

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
SCHEDULES = ["schedule_curves", "updates_to_target", "batch_size_course", "accuracy_by_time", "accuracy_by_rate"]
SCHEDULES += ["rate_heat_map"]
FIGURES = list(dict.fromkeys(["claims", *SCHEDULES, *GRID, "noise_scale", "throughput"]))
FORMATS = ("svg", "png", "pdf", "csv")
# Of every figure (`analyse.read_results`), and what some read beside them.
TABLES = ("table.parquet", "best.csv", "study.json")
HISTORIES = ("learning_curves", "schedule_curves", "updates_to_target", "batch_size_course", "noise_scale")
MORE_TABLES = dict.fromkeys(HISTORIES, "history.parquet") | {
    "throughput": "calibration.csv",
    "claims": "claims.json",
    "accuracy_by_time": "correct.parquet",
}


def figures_of(study: StudyPlan) -> list[str]:
    """The names of a study's figures, in the order of the page; `study` is its plan or its study.json."""
    names = {setting["schedule"] for entry in study["budgets"] for setting in entry["settings"]}
    noise = ["noise_scale"] if study["config"]["evaluation"].get("noise_scale") else []
    claims = ["claims"] if study["claims"] else []
    return [*claims, *(SCHEDULES if len(names) > 1 else GRID), *noise, "throughput"]


def tables_of(figure: str) -> list[str]:
    """The files of a study's folder that a figure reads."""
    return [*TABLES, MORE_TABLES[figure]] if figure in MORE_TABLES else [*TABLES]
