"""report.html from the tables and figures of a study."""

import base64
import importlib.metadata
import json
import platform
import shlex
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from smallbatch.analyse import Results
from smallbatch.analysis.answer import answer, failed_table, settings_table
from smallbatch.analysis.schedules import schedules_table
from smallbatch.figures.names import figures_of
from smallbatch.page.captions import CAPTIONS
from smallbatch.provenance import commit
from smallbatch.text import budget_text, counts_text, norm_text

PACKAGES = (
    "snakemake",
    "torch",
    "hydra-core",
    "mlflow",
    "seaborn",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "scikit-learn",
)


def build_page(results: Results) -> str:
    """The whole page as text. Everything that comes from a config is escaped by the template."""
    study, table, best = results.study, results.table, results.best
    points = table.drop_duplicates("point")
    texts = {
        "seeds": counts_text(best["seeds"]),
        "budgets": " and ".join(budget_text(b["budget"]) for b in study["budgets"]),
    }
    environment = Environment(
        loader=PackageLoader("smallbatch", "page"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("report.html").render(
        study=study,
        title=study["title"] or study["study"],
        sentences=answer(table, best),
        figures=[_figure(results.folder, name, *CAPTIONS[name], texts) for name in figures_of(study)],
        settings=rows_of(settings_table(best)),
        schedules=rows_of(schedules_table(table, best)) if best["schedule"].nunique() > 1 else None,
        failed=rows_of(failed_table(table, best)),
        statuses=points["status"].value_counts().to_dict(),
        count=len(points),
        gaps=rows_of(pd.read_csv(results.folder / "gaps.csv", dtype=str, keep_default_na=False)),
        config=_config_rows(study["config"]),
        cost=_cost(results.folder, points),
        cost_rows=rows_of(_cost_table(points)),
        mixtures=_mixtures(points),
        environment_rows=_environment(),
        rebuild=_rebuild(study),
    )


def rows_of(frame: pd.DataFrame) -> dict:
    return {"columns": list(frame.columns), "rows": frame.to_numpy().tolist()}


def _figure(folder: Path, name: str, title: str, caption: str, texts: dict) -> dict:
    svg = (folder / "figures" / f"{name}.svg").read_bytes()
    return {
        "name": name,
        "title": title,
        "caption": caption.format(**texts),
        "source": "data:image/svg+xml;base64," + base64.b64encode(svg).decode(),
    }


def _config_rows(config: dict, prefix: str = "") -> list[tuple[str, str]]:
    """The study's settings as ``(key, value)``, nested keys with dots."""
    rows = []
    for key, value in config.items():
        if isinstance(value, dict) and value:
            rows += _config_rows(value, f"{prefix}{key}.")
        elif value not in (None, {}, [], "") and f"{prefix}{key}" not in ("title", "description"):
            text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
            rows.append((f"{prefix}{key}", text))
    return rows


def _cost(folder: Path, points: pd.DataFrame) -> dict:
    cost = json.loads((folder / "cost.json").read_text())
    return cost | {"loop": points["seconds"].sum(), "images": int(points["examples"].sum())}


def _cost_table(points: pd.DataFrame) -> pd.DataFrame:
    """Seconds in training loops by setting, the dearest first."""
    grouped = points.groupby(["batch_size", "norm", "bn_batch_size", "schedule", "updates_planned"], dropna=False)
    sums = {"seconds": ("seconds", "sum"), "examples": ("examples", "sum"), "updates": ("updates", "mean")}
    cost = grouped.agg(points=("point", "size"), **sums).reset_index()
    cost = cost.sort_values("seconds", ascending=False)
    return pd.DataFrame(
        {
            "m": cost["batch_size"],
            "norm": [
                norm_text(*key) for key in zip(cost["norm"], cost["bn_batch_size"], cost["batch_size"], strict=True)
            ],
            "schedule": cost["schedule"],
            "updates, on average": cost["updates"].map("{:,.0f}".format),
            "points": cost["points"],
            "seconds on one core": cost["seconds"].map("{:.1f}".format),
            "thousand images/s": (cost["examples"] / cost["seconds"] / 1000).map("{:.0f}".format),
        }
    )


def _mixtures(points: pd.DataFrame) -> list[str]:
    """What the points were trained with; more than one value of any of these is said as a mixture."""
    lines = []
    for column, name in (
        ("code", "training code"),
        ("commit", "git commit"),
        ("versions", "versions"),
        ("processor", "processor"),
        ("engine", "engine"),
    ):
        counts = points[column].fillna("unknown").value_counts()
        text = (
            ", ".join(f"{value} ({n:,} points)" for value, n in counts.items())
            if len(counts) > 1
            else str(counts.index[0])
        )
        lines.append((f"{name}{' – a mixture' if len(counts) > 1 else ''}", text))
    return lines


def _environment() -> list[tuple[str, str]]:
    rows = [("Python", platform.python_version()), ("system", platform.platform())]
    rows += [(name, importlib.metadata.version(name)) for name in PACKAGES]
    return rows + [("git commit", commit())]


def _rebuild(study: dict) -> str:
    """The command that makes the report again, or goes on where it stopped."""
    command = f"snakemake --cores all --config study={study['study']}"
    if study["folder"]:
        command += f" conf={shlex.quote(study['folder'])}"
    if study["given"]:
        words = [shlex.quote(override) if set(override) & set(" '\"") else override for override in study["given"]]
        command += f" hydra={shlex.quote(' '.join(words))}"
    return command
