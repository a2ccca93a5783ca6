import multiprocessing
import time

import pyarrow as pa
import pytest

from smallbatch.core.identity import point_digests
from smallbatch.storage import schemas, store

POINTS = [(0.5, 0), (0.5, 1), (0.25, 0)]


def tables(points: list[str], loss: float = 1.0) -> dict:
    rows = {
        "summary": [{"point": p, "train_loss": loss} for p in points],
        "history": [{"point": p, "epoch": e} for p in points for e in (0, 1)],
        "correct": [{"point": p, "correct": b"\x80"} for p in points],
    }
    return {
        name: pa.Table.from_pylist(rows[name], schemas.SCHEMAS[name]) for name in schemas.TABLES
    }


def row(name: str, **changes) -> dict:
    """With a null for each column that a row must have."""
    return dict.fromkeys(set(schemas.SCHEMAS[name].names) - schemas.OPTIONAL[name]) | changes


@pytest.mark.parametrize("name", schemas.TABLES)
def test_rows_become_a_table_and_what_they_may_leave_out_is_null(name):
    table = store.from_rows(
        name, [row(name, point="a"), row(name, point="b") | dict.fromkeys(schemas.OPTIONAL[name])]
    )
    assert table.schema == schemas.SCHEMAS[name] and table["point"].to_pylist() == ["a", "b"]
    assert all(table[column].null_count == 2 for column in schemas.OPTIONAL[name])


@pytest.mark.parametrize("name", schemas.TABLES)
def test_a_row_with_a_column_that_its_table_does_not_have_is_refused(name):
    with pytest.raises(ValueError, match=f"^{name}: no column sharpness in schemas.SCHEMAS$"):
        store.from_rows(name, [row(name), row(name, sharpness=1.0)])


@pytest.mark.parametrize(
    ("name", "column"), [("summary", "engine"), ("history", "val_loss"), ("correct", "correct")]
)
def test_a_row_without_a_column_that_is_not_said_to_be_optional_is_refused(name, column):
    rows = [row(name), row(name)]
    del rows[1][column]
    with pytest.raises(ValueError, match=f"^{name}: a row without {column}$"):
        store.from_rows(name, rows)


def test_points_are_found_in_the_order_asked_for_whatever_part_they_are_in(tmp_path, make_fleet):
    digests = point_digests(make_fleet(), POINTS)
    store.add(tmp_path, make_fleet(), "code", tables(digests[2:]))
    store.add(tmp_path, make_fleet(), "code", tables(digests[:2]))
    found = store.look_up(tmp_path, make_fleet(), ["code"], [digests[1], digests[2]])
    assert found["summary"]["point"].to_pylist() == [digests[1], digests[2]]
    assert found["history"]["epoch"].to_pylist() == [0, 1, 0, 1]


def test_the_first_code_wins_and_unknown_points_are_left_out(tmp_path, make_fleet):
    digests = point_digests(make_fleet(), POINTS)
    store.add(tmp_path, make_fleet(), "old", tables(digests, loss=2.0))
    store.add(tmp_path, make_fleet(), "new", tables(digests[:1], loss=1.0))
    found = store.look_up(tmp_path, make_fleet(), ["new", "old"], [*digests, "unknown"])
    assert found["summary"]["train_loss"].to_pylist() == [1.0, 2.0, 2.0]
    assert len(store.look_up(tmp_path, make_fleet(), ["new"], digests)["summary"]) == 1


def test_a_part_that_was_being_written_when_the_process_died_is_not_seen(tmp_path, make_fleet):
    digests = point_digests(make_fleet(), POINTS)
    with pytest.raises(AttributeError):
        store.add(tmp_path, make_fleet(), "code", tables(digests) | {"correct": None})
    assert len(store.look_up(tmp_path, make_fleet(), ["code"], digests)["summary"]) == 0
    assert not list(tmp_path.rglob(".writing-*"))


def test_a_column_added_since_is_null_in_old_parts(tmp_path, make_fleet):
    digests = point_digests(make_fleet(), POINTS)
    made = tables(digests)
    store.add(
        tmp_path, make_fleet(), "code", made | {"summary": made["summary"].drop(["versions"])}
    )
    assert (
        store.look_up(tmp_path, make_fleet(), ["code"], digests)["summary"]["versions"].to_pylist()
        == [None] * 3
    )


def hold(place, fleet, points, seconds, log):
    with store.lock(place, fleet, points):
        log.put(("in", time.monotonic()))
        time.sleep(seconds)
        log.put(("out", time.monotonic()))


def test_two_copies_of_a_job_take_turns_and_other_points_of_the_fleet_stay_free(
    tmp_path, make_fleet
):
    context = multiprocessing.get_context("spawn")
    log = context.Queue()
    copies = [
        context.Process(target=hold, args=(tmp_path, make_fleet(), ["a", "b"], 0.5, log))
        for _ in range(2)
    ]
    for copy in copies:
        copy.start()
    for copy in copies:
        copy.join()
    events = sorted((log.get() for _ in range(4)), key=lambda event: event[1])
    assert [name for name, _ in events] == ["in", "out", "in", "out"]
    with store.lock(tmp_path, make_fleet(), ["a"]), store.lock(tmp_path, make_fleet(), ["b"]):
        pass
