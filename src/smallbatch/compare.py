"""What changed between two folders of a study's results: ``python -m smallbatch.compare
results/STUDY OTHER``.

Settings, points, best settings and claims; the first folder is "before". Exit status 0: nothing
differs, 1: something does.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from smallbatch.analysis.best import BestRate, best_rates
from smallbatch.analysis.claims.claim import Claim
from smallbatch.analysis.phrases import signed
from smallbatch.analysis.results import Results, read_results
from smallbatch.core.errors import UserError, main_errors
from smallbatch.core.rates import rate_text
from smallbatch.core.text import budget_text, count_text, norm_text
from smallbatch.report.build import config_rows

NEEDED = ("table.parquet", "study.json", "best.csv")
MEASURED = ("seconds", "seconds_alone")  # differ between any two runs
ABOUT = ("code", "commit", "versions", "processor", "engine")
# what a point is called, not what it is
NAMES = (
    "study",
    "budget",
    "schedule",
    "fleet",
    "settings",
)


def compare(before: Results, after: Results) -> dict[str, pd.DataFrame]:
    """By title a table of what differs, empty ones left out."""
    one, two = (
        results.table.drop_duplicates("point").set_index("point") for results in (before, after)
    )
    found = {
        "Settings": changed_settings(before.study["config"], after.study["config"]),
        "Points": changed_points(one, two),
        "Trained with": changed_origin(one, two),
        "Best settings": changed_best(before.best, after.best),
        "Claims": changed_claims(_claims(before), _claims(after)),
    }
    return {title: frame for title, frame in found.items() if len(frame)}


def changed_settings(before: dict, after: dict) -> pd.DataFrame:
    one, two = dict(config_rows(before)), dict(config_rows(after))
    keys = [key for key in {**one, **two} if one.get(key) != two.get(key)]
    return pd.DataFrame(
        [{"key": key, "before": one.get(key, "–"), "after": two.get(key, "–")} for key in keys]
    )


def changed_points(one: pd.DataFrame, two: pd.DataFrame) -> pd.DataFrame:
    """Counts of points on one side only, and of those on both by the columns in which they
    differ."""
    rows = []
    for what, only in (
        ("only before", one.index.difference(two.index)),
        ("only after", two.index.difference(one.index)),
    ):
        if len(only):
            rows.append({"what": what, "points": len(only), "largest difference": "–"})
    both = one.index.intersection(two.index)
    for column in [
        column for column in one if column in two and column not in (*MEASURED, *ABOUT, *NAMES)
    ]:
        a, b = one.loc[both, column], two.loc[both, column]
        differ = ~((a == b).fillna(False).astype(bool) | (a.isna() & b.isna()))
        if differ.any():
            numbers = pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b)
            most = f"{np.nanmax(np.abs((a - b).astype(float))):.3g}" if numbers else "–"
            rows.append(
                {"what": f"other {column}", "points": int(differ.sum()), "largest difference": most}
            )
    return pd.DataFrame(rows)


def changed_origin(one: pd.DataFrame, two: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for column in ABOUT:
        values = [
            ", ".join(sorted(frame[column].fillna("unknown").unique())) for frame in (one, two)
        ]
        if values[0] != values[1]:
            rows.append({"what": column, "before": values[0], "after": values[1]})
    return pd.DataFrame(rows)


def changed_best(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Settings whose best η̃ or accuracy is another."""
    one, two = ({_setting(row): _best(row) for row in best_rates(best)} for best in (before, after))
    rows = []
    for setting in {**one, **two}:
        texts = one.get(setting, "–"), two.get(setting, "–")
        if texts[0] != texts[1]:
            rows.append({"setting": setting, "before": texts[0], "after": texts[1]})
    return pd.DataFrame(rows)


def _setting(row: BestRate) -> str:
    norm = norm_text(row.norm, row.bn_batch_size, row.batch_size)
    return f"m = {row.batch_size}, {norm}, {row.schedule}, {budget_text(row.budget)}"


def _best(row: BestRate) -> str:
    if row.base_lr is None or row.test_accuracy is None:
        return "none trains"
    edge = " (edge)" if row.edge else ""
    return f"η̃ = {rate_text(row.base_lr)}{edge}, {100 * row.test_accuracy:.2f}%, {row.seeds} seeds"


def changed_claims(before: dict[str, Claim], after: dict[str, Claim]) -> pd.DataFrame:
    rows = []
    for name in {**before, **after}:
        texts = [_verdict(claims.get(name)) for claims in (before, after)]
        if texts[0] != texts[1]:
            rows.append({"claim": name, "before": texts[0], "after": texts[1]})
    return pd.DataFrame(rows)


def _verdict(claim: Claim | None) -> str:
    if claim is None:
        return "–"
    if claim.estimate is None:
        return claim.verdict
    text = f"{claim.verdict}: {signed(claim.estimate, 2)} {claim.unit}"
    if claim.ci_low is None or claim.ci_high is None:
        return text
    return f"{text} ({signed(claim.ci_low, 2)} to {signed(claim.ci_high, 2)})"


def _claims(results: Results) -> dict[str, Claim]:
    path = results.folder / "claims.json"
    return {claim.claim: claim for claim in results.claims} if path.is_file() else {}


def read(folder: Path) -> Results:
    """The results in a folder; raises UserError for one that has none."""
    for name in NEEDED:
        if not (folder / name).is_file():
            raise UserError(
                f"{folder}: there is no {name} in it; name a folder like results/digits, after snakemake has made it"
            )
    return read_results(folder)


def show(found: dict[str, pd.DataFrame], before: Results, after: Results, console: Console) -> None:
    counts = [results.table["point"].nunique() for results in (before, after)]
    console.print(
        f"before: {before.folder} ({count_text(counts[0], 'point')})",
        f"after:  {after.folder} ({count_text(counts[1], 'point')})",
        sep="\n",
        markup=False,
        highlight=False,
    )
    for title, frame in found.items():
        table = Table(title=title, title_justify="left", expand=False)
        for column in frame:
            table.add_column(
                column, justify="right" if column == "points" else "left", overflow="fold"
            )
        for row in frame.itertuples(index=False):
            table.add_row(*(str(value).replace("[", "\\[") for value in row))
        console.print(table)
    if not found:
        console.print("Nothing differs but measured times.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("before", type=Path, help="a folder like results/digits")
    parser.add_argument("after", type=Path, help="another one")
    arguments = parser.parse_args()
    with main_errors():
        before, after = read(arguments.before), read(arguments.after)
        found = compare(before, after)
        show(found, before, after, Console(width=None if sys.stdout.isatty() else 140))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
