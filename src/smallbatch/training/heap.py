"""Freed memory, back to the system."""

import contextlib
import ctypes

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # numbers of glibc's mallopt
LARGE = 4 * 2**20  # bytes; smaller blocks, which a processor's cache may hold, are kept for the next
KEPT = 64 * 2**20


def large_blocks_apart() -> None:
    """Large blocks go back to the system when they are freed: otherwise, in pieces, they may take twice the memory."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(MMAP_THRESHOLD, LARGE)
        library.mallopt(TRIM_THRESHOLD, KEPT)


def give_back() -> None:
    """Return what was freed: glibc keeps blocks of up to 32 MB, so one phase's memory would add to the next one's."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
