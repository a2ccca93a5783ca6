"""Trained points on disk: looking up and adding points, and a lock against concurrent jobs.

    results/store/<fleet slug>/<code digest>/part-<digest>/{summary,history,correct}.parquet

A part is a block of replicas that trained together, written atomically. Points are found by their
digest, independent of their part and job, so that they can be packed into jobs in any way. The
store contains no absolute paths and can be moved.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from smallbatch.core.atomic import write_atomically
from smallbatch.core.identity import digest, fleet_slug
from smallbatch.core.records import Fleet
from smallbatch.storage.schemas import OPTIONAL, SCHEMAS, TABLES


def from_rows(name: str, rows: list[dict]) -> pa.Table:
    """Convert rows to the table `name`; raises ValueError if a row has a column that is not in the
    schema, or lacks one."""
    columns = SCHEMAS[name].names
    needed = set(columns) - OPTIONAL[name]
    for row in rows:
        if unknown := row.keys() - set(columns):
            raise ValueError(f"{name}: no column {', '.join(sorted(unknown))} in schemas.SCHEMAS")
        if missing := needed - row.keys():
            raise ValueError(f"{name}: a row without {', '.join(sorted(missing))}")
    return pa.Table.from_pylist(rows, SCHEMAS[name])


def look_up(store: Path, fleet: Fleet, codes: list[str], wanted: list[str]) -> dict[str, pa.Table]:
    """The tables of the `wanted` points of a fleet that are stored.

    Each point is returned once, from the first of `codes` that has it. Rows are in the order of
    `wanted`; the history is sorted by epoch within a point.
    """
    found: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
    missing = set(wanted)
    for code in codes:
        for part in sorted((store / fleet_slug(fleet) / code).glob("part-*")):
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


def add(store: Path, fleet: Fleet, code: str, tables: dict[str, pa.Table]) -> None:
    """Store a block of points. An existing part is not overwritten."""
    folder = store / fleet_slug(fleet) / code
    part = folder / f"part-{digest(sorted(tables['summary']['point'].to_pylist()))}"
    if not part.exists():
        write(part, tables)


def write(folder: Path, tables: dict[str, pa.Table]) -> None:
    """Write tables atomically as a folder of Parquet files."""
    with write_atomically(folder) as temporary:
        temporary.mkdir()
        for name, table in tables.items():
            pq.write_table(table, temporary / f"{name}.parquet", compression="zstd")


def write_file(path: Path, table: pa.Table) -> None:
    """Write one Parquet file atomically."""
    with write_atomically(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read(folder: Path, name: str) -> pa.Table:
    """Read one table of a part or job; columns that the file lacks are null."""
    table = pq.read_table(folder / f"{name}.parquet", memory_map=False)
    return with_schema(table, SCHEMAS[name])


def with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the columns of `schema`; missing columns are null."""
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def in_order(tables: list[pa.Table], name: str, points: list[str]) -> pa.Table:
    """Concatenate tables, with rows in the order of `points` (and of epochs within a point)."""
    table = pa.concat_tables(tables) if tables else SCHEMAS[name].empty_table()
    rank = {point: i for i, point in enumerate(points)}
    keys = [(rank[point], i) for i, point in enumerate(table["point"].to_pylist())]
    return table.take(pa.array([i for _, i in sorted(keys)], pa.int64()))


@contextlib.contextmanager
def lock(store: Path, fleet: Fleet, points: list[str]) -> Iterator[None]:
    """Prevent concurrent jobs from training the same points of a fleet.

    Other parts of the fleet are not locked. The system releases the lock if the process dies.
    """
    from filelock import FileLock  # a dependency of torch

    folder = store / fleet_slug(fleet)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{digest(points)}.lock"):
        yield


def codes_of(store: Path, fleet: Fleet) -> list[str]:
    """The code digests under which points of a fleet are stored."""
    folder = store / fleet_slug(fleet)
    return sorted({part.parent.name for part in folder.glob("*/part-*")})
