"""Return freed memory to the system (malloc_trim)."""

import contextlib
import ctypes


def give_back() -> None:
    """Return freed memory: glibc keeps blocks of up to 32 MB, so the memory of one phase would add
    to that of the next."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
