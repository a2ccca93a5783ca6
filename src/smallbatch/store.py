"""Trained points on disk: what is there, adding to it, and the lock that keeps two copies of a job apart.

    results/store/<fleet slug>/<code digest>/part-<digest>/{summary,history,correct}.parquet

A part is a block of replicas that trained together, written whole or not at all. Points are found by
their digest, whatever part and job they came from, so they may be packed into jobs in any way. Nothing
here is an absolute path: the store travels as it is.

`SCHEMAS` is the list of all columns. To add one: write it below, and its value in what gives the rows (`job.py` and
`training/loop.py` of a summary, `training/record.py` of a history). A column of a summary is one of the study's table too
(`collect.py`); a measure at the end of every epoch brings its own (`measures/registry.py`).
"""

import contextlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from smallbatch.measures.registry import EPOCH_MEASURES
from smallbatch.points import digest, fleet_slug

SUMMARY = pa.schema(
    [
        ("point", pa.string()),
        ("dataset", pa.string()),
        ("model", pa.string()),
        ("augmentation", pa.string()),
        ("optimizer", pa.string()),
        ("batch_size", pa.int64()),
        ("base_lr", pa.float64()),
        ("lr", pa.float64()),
        ("norm", pa.string()),
        ("bn_batch_size", pa.int64()),
        ("updates_planned", pa.int64()),
        ("seed", pa.int64()),
        ("status", pa.string()),
        ("epochs", pa.int64()),
        ("updates", pa.int64()),
        ("examples", pa.int64()),
        ("train_loss", pa.float64()),
        ("val_loss", pa.float64()),
        ("val_accuracy", pa.float64()),
        ("test_accuracy", pa.float64()),
        ("test_accuracy_median", pa.float64()),
        ("val_accuracy_running", pa.float64()),
        ("test_accuracy_running", pa.float64()),
        ("test_accuracy_population", pa.float64()),
        ("seconds", pa.float64()),
        ("fleet", pa.string()),
        ("engine", pa.string()),
        ("code", pa.string()),
        ("data", pa.string()),
        ("settings", pa.string()),
        ("flops", pa.float64()),
        ("commit", pa.string()),
        ("versions", pa.string()),
        ("processor", pa.string()),
    ]
)
EPOCH = pa.schema(
    [
        ("point", pa.string()),
        ("epoch", pa.int64()),
        ("updates", pa.int64()),
        ("examples", pa.int64()),
        ("batch_size", pa.int64()),
        ("lr", pa.float64()),
        ("train_loss_running", pa.float64()),
        ("val_loss", pa.float64()),
        ("val_accuracy", pa.float64()),
        ("train_loss", pa.float64()),
        ("test_accuracy", pa.float64()),
        ("time", pa.int64()),
        ("seconds", pa.float64()),
        ("smith_g", pa.float64()),
        ("capped", pa.int64()),
    ]
)
MEASURED = [column for measure in EPOCH_MEASURES for column in measure.columns]
HISTORY = pa.schema([*EPOCH, *MEASURED])
CORRECT = pa.schema([("point", pa.string()), ("correct", pa.binary())])
SCHEMAS = {"summary": SUMMARY, "history": HISTORY, "correct": CORRECT}
TABLES = tuple(SCHEMAS)
# What a row may leave out, which is null then: other statistics without batch norm; what no row has at the start, what only
# a rule that chooses the batch size counts, and what is measured where the study asks for it.
OPTIONAL = {
    "summary": {"val_accuracy_running", "test_accuracy_running", "test_accuracy_population"},
    "history": {"smith_g", "capped", *(column.name for column in MEASURED)},
    "correct": set(),
}


def from_rows(name: str, rows: list[dict]) -> pa.Table:
    """Rows as the table `name`; raises ValueError for a column that its schema doesn't have, or that a row lacks."""
    columns = SCHEMAS[name].names
    needed = set(columns) - OPTIONAL[name]
    for row in rows:
        if unknown := row.keys() - set(columns):
            raise ValueError(f"{name}: no column {', '.join(sorted(unknown))} in store.SCHEMAS")
        if missing := needed - row.keys():
            raise ValueError(f"{name}: a row without {', '.join(sorted(missing))}")
    return pa.Table.from_pylist(rows, SCHEMAS[name])


def look_up(store: Path, shared: dict, codes: list[str], wanted: list[str]) -> dict[str, pa.Table]:
    """The tables of those `wanted` points of a fleet that are stored, the first of `codes` first.

    Each point once; rows in the order of `wanted` (history: by epoch within).
    """
    found = {name: [] for name in TABLES}
    missing = set(wanted)
    for code in codes:
        for part in sorted((store / fleet_slug(shared) / code).glob("part-*")):
            summary = read(part, "summary")
            here = missing & set(summary["point"].to_pylist())
            if not here:
                continue
            missing -= here
            for name in TABLES:
                table = summary if name == "summary" else read(part, name)
                keep = pc.is_in(table["point"], pa.array(sorted(here)))
                found[name].append(table.filter(keep))
    return {name: in_order(tables, name, wanted) for name, tables in found.items()}


def add(store: Path, shared: dict, code: str, tables: dict[str, pa.Table]) -> None:
    """Store a block of points. A part that is there already stays as it is."""
    folder = store / fleet_slug(shared) / code
    part = folder / f"part-{digest(sorted(tables['summary']['point'].to_pylist()))}"
    if not part.exists():
        write(part, tables)


def write(folder: Path, tables: dict[str, pa.Table]) -> None:
    """Write tables as a folder of parquet files, whole or not at all: written aside, synced, renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    try:
        for name, table in tables.items():
            write_file(aside / f"{name}.parquet", table)
        aside.chmod(0o755)  # mkdtemp makes it private; the store is shared with colleagues
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_file(path: Path, table: pa.Table) -> None:
    """Write one parquet file atomically."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # another copy of the job may write beside
    with open(aside, "wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    aside.write_text(text)
    os.replace(aside, path)


def read(folder: Path, name: str) -> pa.Table:
    """One table of a part or job; columns added since it was written are null."""
    table = pq.read_table(folder / f"{name}.parquet", memory_map=False)
    return with_schema(table, SCHEMAS[name])


def with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def in_order(tables: list[pa.Table], name: str, points: list[str]) -> pa.Table:
    """Tables as one, rows in the order of `points` (and of epochs within a point)."""
    table = pa.concat_tables(tables) if tables else SCHEMAS[name].empty_table()
    rank = {point: i for i, point in enumerate(points)}
    keys = [(rank[point], i) for i, point in enumerate(table["point"].to_pylist())]
    return table.take(pa.array([i for _, i in sorted(keys)], pa.int64()))


@contextlib.contextmanager
def lock(store: Path, shared: dict, points: list[str]):
    """Keep another copy of a job from training the same points of a fleet at the same time.

    Other parts of the fleet stay free. The system drops the lock of a process that dies.
    """
    from filelock import FileLock  # comes with torch

    folder = store / fleet_slug(shared)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{digest(points)}.lock"):
        yield


def codes_of(store: Path, shared: dict) -> list[str]:
    """The code digests under which points of a fleet are stored."""
    folder = store / fleet_slug(shared)
    return sorted({part.parent.name for part in folder.glob("*/part-*")})
