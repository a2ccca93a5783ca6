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

    Snakemake's lock files do not identify their process. Therefore every run also holds a shared
    system lock, which the system releases when the process ends for any reason. A run that obtains
    it exclusively is the only one, so that existing lock files belong to dead runs. If other runs
    are alive, Snakemake's own locking applies.
    """
    folder.mkdir(exist_ok=True)
    # Jobs do not inherit this descriptor.
    descriptor = os.open(folder / "smallbatch.lock", os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder / "locks", ignore_errors=True)
    except BlockingIOError:
        pass
    except OSError:  # a file system without locks: users need `snakemake --unlock`
        os.close(descriptor)
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def incomplete_folders(folder: Path) -> set[str]:
    """The folders of outputs that Snakemake marks as incomplete in its `folder`: those of running
    and of dead jobs."""
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
