"""Clean up after a run of Snakemake that was killed: locks, and outputs that it marked as
incomplete."""

import base64
import binascii
import fcntl
import os
import shutil
from pathlib import Path


def clear_dead_locks(folder: Path) -> int | None:
    """Remove lock files in Snakemake's `folder` if no other run is alive; returns the descriptor to
    keep open.

    Snakemake's own lock files do not say whose they are. Beside them every run holds a lock of the
    system, shared with other runs, which ends with its process however that ends. Who gets it alone
    is the only run: any lock files that lie there are those of the dead. With others alive
    Snakemake itself decides, as ever.
    """
    folder.mkdir(exist_ok=True)
    # not inherited by jobs
    descriptor = os.open(folder / "smallbatch.lock", os.O_CREAT | os.O_RDWR, 0o666)
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


def incomplete_folders(folder: Path) -> set[str]:
    """The folders of outputs that Snakemake has marked in its `folder`: jobs that run, or died."""
    found = set()
    for marker in (folder / "incomplete").rglob("*"):
        if marker.is_file():
            coded = "".join(
                part.removeprefix("@") for part in marker.relative_to(folder / "incomplete").parts
            )
            try:
                found.add(os.path.dirname(base64.urlsafe_b64decode(coded).decode()))
            except (binascii.Error, UnicodeDecodeError):
                continue
    return found
