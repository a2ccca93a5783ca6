"""Whether the training step is compiled for this machine, and who compiles it. Without Numba and
torch.

Compiled code is kept in the user's cache folder, once per machine. Kept code is found by what the
code of every file of this folder does (Numba itself looks at one file alone, and at its path and
age), so checkouts share it and an edit never meets stale code. A folder that can't be written, or a
full disk, costs time, not the run.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from smallbatch.core.import_graph import contents
from smallbatch.core.provenance import processor
from smallbatch.core.user_cache import cache_folder

PATIENCE = 300  # seconds; compiling takes some 13


def folder() -> Path:
    """Where compiled code of this version of the files lies."""
    digest = hashlib.blake2b(digest_size=8)
    files = {f"{__package__}.{path.stem}": path for path in Path(__file__).parent.glob("*.py")}
    versions = [*map(importlib.metadata.version, ("numba", "llvmlite")), platform.python_version()]
    versions.append(os.environ.get("NUMBA_OPT", ""))
    for part in (*sorted(contents(files)), *versions):
        digest.update(part.encode())
    return cache_folder() / f"kernels-{digest.hexdigest()}"


def stamp() -> Path:
    """A file that is there once everything was compiled for this processor."""
    return folder() / f"ready-{hashlib.blake2b(processor().encode(), digest_size=4).hexdigest()}"


def ensure_compiled(processes: int = 1) -> None:
    """Compile the training step where this machine hasn't yet, with some `processes`; wait while
    another does."""
    if stamp().exists():
        return
    with _alone():
        if stamp().exists():
            return
        from smallbatch.training.engines.compiled.warm_up import compile_all

        compile_all(processes)
        with contextlib.suppress(OSError):  # nothing was kept: each process compiles for itself
            stamp().touch()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of whoever compiles. Where there are no locks nobody waits."""
    from filelock import FileLock, Timeout

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, NotImplementedError, Timeout):
            folder().mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder() / ".compiling.lock", timeout=PATIENCE))
        yield
