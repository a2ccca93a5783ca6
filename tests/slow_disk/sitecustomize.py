"""A slow disk: Python imports this at its start where the folder is on PYTHONPATH, so that kills
hit writes half done."""

import fcntl
import os
import time

_fsync, _flock = os.fsync, fcntl.flock


def fsync(descriptor: int) -> None:
    time.sleep(0.04)
    _fsync(descriptor)


def flock(descriptor: int, operation: int) -> None:
    """SQLite writes without Python: whoever holds the lock of its file holds it for longer."""
    time.sleep(0.04)
    _flock(descriptor, operation)


os.fsync, fcntl.flock = fsync, flock
