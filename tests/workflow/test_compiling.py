"""The compiled training step: compiled once, while jobs start; what happens where it can't be kept
or had."""

import os
import shutil
import time

import pyarrow.parquet as pq
import pytest
from interrupt import processes

from smallbatch.training.engines.compiled.cache import folder

pytestmark = [pytest.mark.slow, pytest.mark.long]


def train(checkout, monkeypatch, *settings, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    return checkout.python(
        "-m", "smallbatch.train", "study=digits", "tracking=none", *SMALL, *settings
    )


SMALL = (
    "grid.batch_size=[8]",
    "grid.norm=[bn]",
    "grid.base_lr=[0.01]",
    "grid.seeds=2",
    "grid.budget=epochs:1",
    "~grid.arms.ghost",
    "~grid.arms.same_updates",
)


def engines(checkout):
    summaries = list(checkout.results.glob("jobs/*/summary.parquet"))
    return {engine for path in summaries for engine in pq.read_table(path)["engine"].to_pylist()}


def test_the_first_run_on_a_machine_compiles_while_jobs_start_and_the_next_does_not(
    fresh, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = fresh.snakemake("table", hydra="grid.seeds=1")
    assert (
        "compiling the training step, once for this machine" in first.output
        and "compiled in" in first.output
    )
    assert engines(fresh) == {"compiled"}
    (kernels,) = tmp_path.glob("smallbatch/kernels-*")
    kept = {path.name: path.stat().st_mtime_ns for path in kernels.iterdir()}
    second = fresh.snakemake("table", hydra="grid.seeds=2")
    assert "compil" not in second.output
    assert kept == {path.name: path.stat().st_mtime_ns for path in kernels.iterdir()}


def test_a_dry_run_says_nothing_of_compiling_and_leaves_no_process(fresh, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    dry = fresh.run(fresh.command("-n", "table"))
    assert dry.jobs["train"] == 4
    assert "compiling the" not in dry.output and "compiled in" not in dry.output
    assert not list(tmp_path.glob("smallbatch/kernels-*/ready-*"))
    for _ in range(50):
        left = list(processes(fresh, "smallbatch.training.engines.compiled"))
        if not left:
            break
        time.sleep(0.1)
    assert left == []


def test_a_cache_that_cannot_be_written_costs_time_and_not_the_run(fresh, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    train(fresh, monkeypatch, XDG_CACHE_HOME=tmp_path / "file")
    assert engines(fresh) == {"compiled"}


def test_a_damaged_cache_is_compiled_anew_and_mended(reported, fresh, tmp_path, monkeypatch):
    compile_once = ("-m", "smallbatch.training.engines.compiled")
    reported.python(*compile_once)  # if it wasn't, for all tests
    shutil.copytree(folder(), tmp_path / "smallbatch" / folder().name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    damaged = {}
    for code in tmp_path.glob(
        "smallbatch/kernels-*/step.evaluate*.nbc"
    ):  # one for each precision that tests use
        one_bit = bytearray(code.read_bytes())
        one_bit[len(one_bit) // 2] ^= 1  # a disk's error that unpickling doesn't see
        code.write_bytes(one_bit)
        damaged[code] = bytes(one_bit)
    (index,) = tmp_path.glob("smallbatch/kernels-*/step.train*.nbi")
    index.write_bytes(bytes(index.stat().st_size))
    train(fresh, monkeypatch)
    mended = [code for code, content in damaged.items() if code.read_bytes() != content]
    assert engines(fresh) == {"compiled"} and len(mended) == 1
    kept = [path.stat().st_mtime_ns for path in (*mended, index)]
    fresh.python(*compile_once)
    assert kept == [path.stat().st_mtime_ns for path in (*mended, index)]


def test_without_numba_training_takes_another_way(fresh, tmp_path, monkeypatch):
    (tmp_path / "numba.py").write_text(
        "raise ImportError('libllvmlite.so: cannot open shared object file')\n"
    )
    path = os.pathsep.join([str(tmp_path), str(fresh.root / "src")])
    monkeypatch.setattr(
        type(fresh), "environment", property(lambda self: os.environ | {"PYTHONPATH": path})
    )
    done = train(fresh, monkeypatch)
    assert engines(fresh) <= {"groups", "vmap", "separate"}
    assert (
        "the compiled step needs Numba (libllvmlite.so: cannot open shared object file)"
        in done.output
    )


def test_code_for_other_types_compiled_at_the_same_time_is_kept_apart(fresh, tmp_path, monkeypatch):
    """Two processes that see the same empty index, as when both begin on a new machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    script = (
        "import sys, numpy as np\n"
        "from smallbatch.training.engines.compiled.cache import kept_jit\n"
        "@kept_jit\n"
        "def half(x):\n"
        "    return x.dtype.type(1) / x.dtype.type(3) + x.sum()\n"
        "file = half._cache._cache_file\n"
        "load, file._load_index = file._load_index, dict\n"  # what the other has written meanwhile isn't seen
        "half(np.zeros(2, sys.argv[1]))\n"
        "file._load_index = load\n"
    )
    path = tmp_path / "half.py"
    path.write_text(script)
    for dtype in ("float32", "float64"):
        fresh.python(str(path), dtype)
    kept = sorted(tmp_path.glob("smallbatch/kernels-*/*half*.nbc"))
    assert len(kept) == 2 and kept[0].read_bytes() != kept[1].read_bytes()
