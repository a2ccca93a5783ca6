"""Compile the training step once per machine, in one process at a time. Without Numba and torch.

Compiled code is cached in the user's cache folder. The cache key is a digest of the code of all
files in this folder (Numba itself uses the path and age of one file only), so that checkouts share
the cache and edited code is never stale. If the folder is not writable or the disk is full, each
process compiles and training still works.
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

PATIENCE = 300  # seconds to wait for the lock; compiling takes about 13 s


def folder() -> Path:
    """The cache folder of the compiled code for the current version of the files."""
    digest = hashlib.blake2b(digest_size=8)
    files = {f"{__package__}.{path.stem}": path for path in Path(__file__).parent.glob("*.py")}
    versions = [*map(importlib.metadata.version, ("numba", "llvmlite")), platform.python_version()]
    versions.append(os.environ.get("NUMBA_OPT", ""))
    for part in (*sorted(contents(files)), *versions):
        digest.update(part.encode())
    return cache_folder() / f"kernels-{digest.hexdigest()}"


def stamp() -> Path:
    """A file that exists when everything is compiled for this processor."""
    return folder() / f"ready-{hashlib.blake2b(processor().encode(), digest_size=4).hexdigest()}"


def ensure_compiled(processes: int = 1) -> None:
    """Compile the training step with a number of `processes` unless it is cached; wait if another
    process is compiling it."""
    if stamp().exists():
        return
    with _alone():
        if stamp().exists():
            return
        from smallbatch.training.engines.compiled.warm_up import compile_all

        compile_all(processes)
        with contextlib.suppress(OSError):  # not writable: each process compiles for itself
            stamp().touch()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Context that holds the compilation lock; without support for locks, it does not wait."""
    from filelock import FileLock, Timeout

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, NotImplementedError, Timeout):
            folder().mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder() / ".compiling.lock", timeout=PATIENCE))
        yield
