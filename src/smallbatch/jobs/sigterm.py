"""SIGTERM, with which clusters preempt jobs."""

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def sigterm_noted() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether SIGTERM has come; inside, it doesn't end the process."""
    came = []
    before = signal.signal(signal.SIGTERM, lambda *_: came.append(True))
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGTERM, before)
