"""Write docs/settings.md, docs/tables.md and docs/cases.md: ``python docs/generate.py``.

A setting is a field of a dataclass in ``config/`` or ``measures/registry.py``, a column one of a schema or of a record. Its
description is the comment beside it, or the comment lines that follow it. A case is a file of tests/cases/.
"""

import ast
import dataclasses
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from smallbatch.analysis import best
from smallbatch.analysis.claims import claim
from smallbatch.config import claims, schema
from smallbatch.jobs import collect
from smallbatch.storage import schemas

DOCS = Path(__file__).parent
SETTINGS = """\
# Settings of a study

<!-- Written by docs/generate.py from config/schema.py, config/claims.py and measures/registry.py in src/smallbatch/; change it there and run make docs. -->

Every key of a study, with its type, its default and its meaning. Any of them can be changed on the command line:

```bash
snakemake --cores all --config study=digits hydra="grid.seeds=3 grid.batch_size=[2,4]"
```

An unknown key or a value of the wrong type is an error before any job starts. `null` is the absence of a value. Keys of
the data set and of the network are those of their files in [conf/dataset](../conf/dataset) and [conf/model](../conf/model).
"""
TABLES = """\
# Tables

<!-- Written by docs/generate.py from src/smallbatch/storage/schemas.py, jobs/collect.py and analysis/; change it there and run make docs. -->

The workflow writes these files to `results/STUDY/`. Two runs on the same machine agree in every column but the measured
times: `seconds`, `seconds_alone` and `time`. `best.csv` and `claims.json` of the default study are equal to those in
[results/reference/digits](../results/reference/digits), to the last digit, on every x86 processor tried (AVX2 and
AVX-512); a test compares them.
"""
OTHERS = """
## Other files

| file | content |
|---|---|
| `report.html`, `figures/` | [the report](report.md); each figure is an SVG, PNG, PDF and CSV file |
| `figures.json` | for each figure the digest of what it was drawn from |
| `gaps.csv` | with `partial=true`, the points that are missing: {gaps} |
| `calibration.csv` | for each kind of update the seconds of one model alone and of a replica in a fleet; `step` is `update`, `fresh update`, or `round` (a block of examples with the moments of single gradients) |
| `cost.json` | number of jobs and points trained, and the seconds they took |
| `mlflow.csv` | the MLflow run of each point |
| `study.json` | the plan of the study: settings, budgets, claims, jobs |
"""
CASES = """\
# What is supported, and what is refused

<!-- Written by docs/generate.py from the files of tests/cases/; change them there and run make docs. -->

Networks, data and habits as users have them. The last column links to a public report of a similar input, or names the
documentation that describes it. What *trains* is compared with a plain PyTorch loop (networks), with exact values (data
and folders) or with the plan (habits). What is *refused* ends with one sentence before anything is measured. *Warned*: it
trains, and the sentence is shown. Each row is a test: its name is a file of [tests/cases](../tests/cases).
"""
KINDS = {  # folders of tests/cases/, and their headings
    "networks": "Networks",
    "data": "Data sets",
    "folders": "Folders of images",
    "habits": "Machine and habits",
}
SOURCE = DOCS.parent / "src" / "smallbatch"
WITH_SCHEMAS = [
    SOURCE / "storage" / "schemas.py",
    SOURCE / "jobs" / "collect.py",
    *sorted((SOURCE / "measures").glob("*.py")),
]
TYPES = {pa.string(): "text", pa.int64(): "int", pa.float64(): "float", pa.binary(): "bytes"}
CLASSES = {  # headings of docs/settings.md
    "Top level": schema.Config,
    "grid": schema.Grid,
    "grid.arms.NAME": schema.Arm,
    "schedule, schedules.NAME": schema.Schedule,
    "optimizer": schema.Optimizer,
    "augmentation": schema.Augmentation,
    "evaluation": schema.Evaluation,
    "training": schema.Training,
    "tracking": schema.Tracking,
    "claims": claims.Claims,
    "claims.tests.NAME": claims.Claim,
    "papers.NAME": claims.Paper,
    "papers.NAME.reported.NAME": claims.Reported,
}


def settings() -> str:
    """The text of docs/settings.md."""
    parts = [SETTINGS]
    for title, cls in CLASSES.items():
        texts = described(cls)
        rows = [
            (f"`{one.name}`", type_of(one), default_of(one), texts[one.name])
            for one in dataclasses.fields(cls)
        ]
        parts.append(
            f"\n## {title}\n\n{' '.join(cls.__doc__.split())}\n\n"
            + table(("key", "type", "default", "meaning"), rows)
        )
    return "".join(parts)


def tables() -> str:
    """The text of docs/tables.md."""
    summary, history, correct, added = map(
        columns, (schemas.SUMMARY, schemas.HISTORY, schemas.CORRECT, collect.ADDED)
    )
    runs, epochs = summary | added, history | {"seconds_alone": added["seconds_alone"]}
    parts = [
        (
            "table.parquet",
            "One row per point, that is per training run.",
            {name: runs[name] for name in collect.TABLE},
        ),
        ("history.parquet", "One row per point and epoch.", epochs),
        ("correct.parquet", "One row per point.", correct),
        (
            "best.csv",
            "One row per setting: its best η̃. What follows from it is empty if no η̃ trains every seed.",
            record(best.BestRate),
        ),
        ("claims.json", "A list of one object per claim.", record(claim.Claim)),
        ("claims.json: rivals", "The objects in the list `rivals`.", record(claim.Rival)),
    ]
    text = "".join(
        f"\n## {title}\n\n{about}\n\n"
        + table(
            ("column", "type", "meaning"),
            [(f"`{name}`", *column) for name, column in listed.items()],
        )
        for title, about, listed in parts
    )
    return TABLES + text + OTHERS.format(gaps=", ".join(f"`{name}`" for name in collect.GAPS))


def cases() -> str:
    """The text of docs/cases.md."""
    parts = [CASES]
    for kind, title in KINDS.items():
        rows = [
            case(path) for path in sorted((DOCS.parent / "tests" / "cases" / kind).glob("*.py"))
        ]
        parts.append(f"\n## {title}\n\n" + table(("case", "input", "what happens", "source"), rows))
    return "".join(parts)


def case(path: Path) -> tuple[str, str, str, str]:
    """A row of docs/cases.md: the constants and the first paragraph of a file of tests/cases/."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    found = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and node.targets[0].id in ("SOURCE", "OUTCOME", "SAYS")
    }
    about = " ".join(ast.get_docstring(module).partition("\n\n")[0].split()).removesuffix(".")
    happens = found["OUTCOME"] + (f": `{found['SAYS']}`" if found.get("SAYS") else "")
    return f"`{path.stem}`", about, happens, link(found["SOURCE"])


def link(source: str) -> str:
    """``owner/repository#12`` as a link."""
    if not (report := re.fullmatch(r"([\w.-]+/[\w.-]+)#(\d+)", source)):
        return source
    return f"[{source}](https://github.com/{report[1]}/issues/{report[2]})"


def columns(schema: pa.Schema) -> dict[str, tuple[str, str]]:
    """Type and description of each column.

    A description stands where the column is written down: in a list of columns that the schema has
    all of.
    """
    texts: dict[str, str] = {}
    for written in written_down():
        if written.keys() <= set(schema.names):
            texts |= written
    return {field.name: (TYPES[field.type], texts[field.name]) for field in schema}


def written_down() -> Iterator[dict[str, str]]:
    """The names and comments of each ``pa.schema([(name, type), ...])`` in the source."""
    for path in WITH_SCHEMAS:
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pa.schema":
                pairs = [pair for pair in node.args[0].elts if isinstance(pair, ast.Tuple)]
                yield dict(
                    zip((pair.elts[0].value for pair in pairs), beside(source, pairs), strict=True)
                )


def record(cls: type) -> dict[str, tuple[str, str]]:
    """Type and description of each field of a dataclass."""
    texts = described(cls)
    return {one.name: (type_of(one), texts[one.name]) for one in dataclasses.fields(cls)}


def described(cls: type) -> dict[str, str]:
    """The comment beside each field of a dataclass, and of those that it inherits from."""
    found = {}
    for one in filter(dataclasses.is_dataclass, reversed(cls.__mro__)):
        source = inspect.getsource(one)
        fields = [
            node for node in ast.parse(source).body[0].body if isinstance(node, ast.AnnAssign)
        ]
        found |= dict(zip((node.target.id for node in fields), beside(source, fields), strict=True))
    return found


def beside(source: str, nodes: list[ast.AST]) -> list[str]:
    """For each node the comments on its lines and on the lines that follow it and hold nothing
    else."""
    comments, alone = {}, set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.string.removeprefix("#").strip()
            if not token.line[: token.start[1]].strip():
                alone.add(token.start[0])
    found = []
    for node in nodes:
        lines = list(range(node.lineno, node.end_lineno + 1))
        while lines[-1] + 1 in alone:
            lines.append(lines[-1] + 1)
        found.append(" ".join(comments[line] for line in lines if line in comments))
    return found


def type_of(one: dataclasses.Field) -> str:
    """``list of int``, for ``list[int]``; the name of a class leads to its section."""
    text = one.type if isinstance(one.type, str) else inspect.formatannotation(one.type)
    text = re.sub(r"(smallbatch[\w.]*|typing)\.", "", text).replace("list[Any]", "list")
    text = re.sub(r"dict\[str, (.+)\]$", r"\1 by name", text)
    text = re.sub(r"list\[(\w+)\]", r"list of \1", text)
    return (
        text.replace(" | None", " or null").replace("Any by name", "mapping").replace("str", "text")
    )


def default_of(one: dataclasses.Field) -> str:
    default = one.default if one.default_factory is dataclasses.MISSING else one.default_factory()
    if default is dataclasses.MISSING or dataclasses.is_dataclass(default):
        return ""
    if default is None or isinstance(default, bool):
        return f"`{'null' if default is None else str(default).lower()}`"
    return f"`{default!r}`" if default in ("", [], {}) else f"`{default}`"


def table(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


PAGES = {"settings.md": settings, "tables.md": tables, "cases.md": cases}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (DOCS / name).write_text(write(), encoding="utf-8")
