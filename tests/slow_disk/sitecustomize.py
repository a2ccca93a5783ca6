"""A slow disk: Python imports this at its start where the folder is on PYTHONPATH, so that kills hit writes half done."""

import os
import time

_fsync = os.fsync


def fsync(descriptor: int) -> None:
    time.sleep(0.04)
    _fsync(descriptor)


os.fsync = fsync
