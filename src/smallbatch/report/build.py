"""Build report.html from the tables and figures of a study."""

import base64
import dataclasses
import html
import importlib.metadata
import json
import math
import platform
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from smallbatch.analysis.claims.claim import Claim
from smallbatch.analysis.claims.verdict import VERDICTS
from smallbatch.analysis.measured import Measured
from smallbatch.analysis.phrases import signed
from smallbatch.analysis.rate_advice import rates_for
from smallbatch.analysis.results import Results
from smallbatch.analysis.schedules import schedules_table
from smallbatch.config.papers import cited, entries
from smallbatch.core.identity import digest
from smallbatch.core.provenance import commit
from smallbatch.core.records import StudyPlan
from smallbatch.core.text import budget_text, counts_text, kind_text
from smallbatch.figures.names import figures_of
from smallbatch.planning.grid import expand
from smallbatch.report import tables
from smallbatch.report.answer import answer
from smallbatch.report.captions import CAPTIONS
from smallbatch.report.commands import command
from smallbatch.report.data import data_rows, guess_sentence
from smallbatch.report.points import points_data
from smallbatch.report.reported import reported_rows
from smallbatch.report.summary import summary
from smallbatch.report.svg import inline

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
    "statsmodels",
    "scikit-learn",
)
INSIDE = 300_000  # bytes; smaller CSV files of figures are embedded in the page


def build_page(results: Results) -> str:
    """The report as HTML text. The template escapes everything that comes from a config."""
    study, table, best, claims = results.study, results.table, results.best, results.claims
    points = table.drop_duplicates("point")
    data = Measured(table, best, expand(study["config"]), results.correct)
    texts = {
        "seeds": counts_text(best["seeds"]),
        "budgets": " and ".join(budget_text(b["budget"]) for b in study["budgets"]),
    }
    environment = Environment(
        loader=PackageLoader("smallbatch", "report"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = signed
    trained = bool(best["base_lr"].notna().any())
    return environment.get_template("report.html").render(
        study=study,
        title=study["title"] or study["study"],
        summary=summary(data, study["config"], claims),
        sentences=answer(data),
        claims=[_claim(claim, study) for claim in claims],
        verdicts={
            verdict: sum(claim.verdict == verdict for claim in claims) for verdict in VERDICTS
        },
        papers=reported_rows(data, study["papers"], claims),
        bibtex="\n\n".join(entries()[key] for key in cited(study)),
        figures=[
            _figure(results.folder, name, *CAPTIONS[name], texts) for name in figures_of(study)
        ],
        advice={
            "best": rows_of(tables.best_table(data)) if trained else None,
            "time": rows_of(tables.time_table(data)) if trained else {"rows": []},
            "rates": rows_of(tables.rates_table(data)),
            "wrong": rows_of(tables.wrong_rates_table(data)) if trained else {"rows": []},
            "fits": _fits(data),
        },
        settings=rows_of(tables.settings_table(best)),
        schedules=rows_of(schedules_table(table, best)) if best["schedule"].nunique() > 1 else None,
        guess=guess_sentence(points),
        data=data_rows(results.folder, study),
        failed=rows_of(tables.failed_table(table, best)),
        statuses=points["status"].value_counts().to_dict(),
        count=len(points),
        points=points_data(
            points,
            _runs(results.folder, study["config"]["tracking"]),
            study["config"]["tracking"]["uri"],
        ),
        gaps=rows_of(pd.read_csv(results.folder / "gaps.csv", dtype=str, keep_default_na=False)),
        config=[
            row
            for row in config_rows(study["config"])
            if not row[0].startswith(("claims.tests.", "papers."))
        ],
        cost=_cost(results.folder, points),
        cost_rows=rows_of(tables.cost_table(points)),
        mixtures=_mixtures(points, study),
        environment_rows=_environment(),
        rebuild=command(study),
    )


def _claim(claim: Claim, study: StudyPlan) -> dict:
    """A claim's record with additional texts for the report."""
    config = study["config"]
    here = [config[key]["name"] for key in ("dataset", "model", "optimizer")]
    here += [kind_text(claim.norm)] if claim.norm else []
    return dataclasses.asdict(claim) | {
        "command": command(study, *claim.overrides) if claim.overrides else None,
        "effect": _effect(claim),
        "small": claim.small,
        "where": ", ".join([*here, budget_text(claim.budget)]),
    }


def _effect(claim: Claim) -> str | None:
    """``+2.0 points (99.4% interval +1.0 to +3.0)``."""
    if claim.estimate is None:
        return None
    digits = 1 if claim.unit == "points" else 2
    text = f"{signed(claim.estimate, digits)} {claim.unit}"
    if claim.ci_low is None or claim.ci_high is None:
        return f"{text} (no interval: too few seeds)"
    low, high = signed(claim.ci_low, digits), signed(claim.ci_high, digits)
    level = f"{100 * claim.level:.3g}" if claim.level < 0.999 else f"{100 * claim.level:.5g}"
    factor = (
        f"; a factor of {math.exp(abs(claim.estimate)):.2g} in the loss"
        if "loss" in claim.unit
        else ""
    )
    return f"{text} ({level}% interval {low} to {high}{factor})"


def _fits(data: Measured) -> list[dict]:
    """The curves from which the page interpolates η and η̃ for any m within them."""
    fits, _ = rates_for(data)
    return [
        {"name": name, "sizes": fit["course"].sizes.tolist(), "rates": fit["course"].rates.tolist()}
        | {"half": fit["course"].half}
        | {"smallest": int(fit["smallest"]), "largest": int(fit["largest"])}
        for (_, fit), name in zip(fits.iterrows(), tables.fit_names(fits), strict=True)
    ]


def _runs(folder: Path, tracking: dict) -> pd.DataFrame | None:
    """The content of mlflow.csv if the study is tracked, else None."""
    path = folder / "mlflow.csv"
    there = tracking["name"] != "none" and path.is_file()
    return pd.read_csv(path, dtype=str, keep_default_na=False) if there else None


def rows_of(frame: pd.DataFrame) -> dict:
    return {"columns": list(frame.columns), "rows": frame.to_numpy().tolist()}


def _figure(folder: Path, name: str, title: str, caption: str, texts: dict) -> dict:
    caption = caption.format(**texts)
    label = html.escape(f"{title}. {caption} The numbers are in figures/{name}.csv.")
    csv = (folder / "figures" / f"{name}.csv").read_bytes()
    return {
        "name": name,
        "title": title,
        "caption": caption,
        "svg": Markup(
            inline((folder / "figures" / f"{name}.svg").read_text(encoding="utf-8"), name, label)
        ),
        "csv": "data:text/csv;base64," + base64.b64encode(csv).decode()
        if len(csv) <= INSIDE
        else None,
    }


def config_rows(config: dict, prefix: str = "") -> list[tuple[str, str]]:
    """The study's settings as ``(key, value)``, nested keys with dots."""
    rows = []
    for key, value in config.items():
        if isinstance(value, dict) and value:
            rows += config_rows(value, f"{prefix}{key}.")
        elif value not in (None, {}, [], "") and f"{prefix}{key}" not in ("title", "description"):
            text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
            rows.append((f"{prefix}{key}", text))
    return rows


def _cost(folder: Path, points: pd.DataFrame) -> dict:
    cost = json.loads((folder / "cost.json").read_text(encoding="utf-8"))
    return cost | {"loop": points["seconds"].sum(), "images": int(points["examples"].sum())}


def _mixtures(points: pd.DataFrame, study: StudyPlan) -> list[tuple[str, str]]:
    """The code, data, versions and hardware of the points; several values of one of them are marked
    as a mixture."""
    lines = [
        (
            "study (digest of its plan)",
            digest({key: value for key, value in study.items() if key != "gaps"}),
        )
    ]
    for column, name in (
        ("code", "training code (digest)"),
        ("data", "data (digest)"),
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
