"""The benchmark runs and writes what it measured."""

import csv

import pytest

import smallbatch.bench.__main__ as bench
from smallbatch.bench.cases import Case


@pytest.mark.slow
def test_every_way_is_timed_and_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "SECONDS", 0.01)
    monkeypatch.setattr(bench, "REPEATS", 2)
    monkeypatch.setattr(
        bench,
        "CASES",
        [Case("conv", (1, 8, 8), 8, norm) for norm in ("none", "ghost")]
        + [Case("resnet8", (3, 8, 8), 4, "bn")],
    )
    bench.main(tmp_path / "out" / "bench")
    with open(tmp_path / "out" / "bench.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["way"] for row in rows} == {"textbook", "fleet", "vmap", "textbook large"}
    assert all(
        float(row["images_per_second"]) > 0 and row["machine"] and row["repeats"] == "2"
        for row in rows
    )
    assert {row["engine"] for row in rows if row["way"] == "fleet"} <= {
        "compiled",
        "separate",
        "separate channels_last",
    }
    assert (tmp_path / "out" / "bench.svg").stat().st_size and (
        tmp_path / "out" / "bench.png"
    ).stat().st_size
    assert "images per second" in capsys.readouterr().out
