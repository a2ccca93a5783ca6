"""Return freed memory to the system (malloc_trim)."""

import contextlib
import ctypes


def give_back() -> None:
    """Return what was freed: glibc keeps blocks of up to 32 MB, so one phase's memory would add to
    the next one's."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
