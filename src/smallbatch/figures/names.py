"""Which figures a study has, and the tables that they read beside table.parquet and best.csv. Without drawing anything."""

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
HISTORIES = ("learning_curves", "schedule_curves", "updates_to_target", "batch_size_course", "noise_scale")
TABLES = dict.fromkeys(HISTORIES, "history.parquet") | {"throughput": "calibration.csv", "claims": "claims.json"}


def figures_of(study: dict) -> list[str]:
    """The names of a study's figures, in the order of the page; `study` is its plan or its study.json."""
    names = {setting["schedule"] for entry in study["budgets"] for setting in entry["settings"]}
    noise = ["noise_scale"] if study["config"]["evaluation"].get("noise_scale") else []
    claims = ["claims"] if study["claims"] else []
    return [*claims, *(SCHEDULES if len(names) > 1 else GRID), *noise, "throughput"]
