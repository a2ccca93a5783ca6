"""Snakemake's locks of runs that died: taken away, so that the same command works after a ``kill -9``.

Snakemake's own lock files do not say whose they are. Beside them every run holds a lock of the system, shared
with other runs, which ends with its process however that ends. Who gets it alone is the only run: any
lock files that lie there are those of the dead. With others alive Snakemake itself decides, as ever.
"""

import fcntl
import os
import shutil
from pathlib import Path


def clear_dead_locks(folder: Path) -> int | None:
    """Remove lock files in Snakemake's `folder` if no other run is alive; returns the descriptor to keep open."""
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / "smallbatch.lock", os.O_CREAT | os.O_RDWR, 0o666)  # not inherited by jobs
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder / "locks", ignore_errors=True)
    except BlockingIOError:
        pass
    except OSError:  # a file system without locks: `snakemake --unlock` remains
        os.close(descriptor)
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor
