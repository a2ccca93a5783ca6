"""What the commands have in common: one sentence for a user's mistake, the user's folder on the path."""

import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from smallbatch.errors import UserError


@contextlib.contextmanager
def main_errors() -> Iterator[None]:
    """Turn a UserError, or a full disk, into its sentence on standard error and exit status 1."""
    try:
        yield
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        print("stopped; the same command goes on from what is stored", file=sys.stderr)
        raise SystemExit(130) from None
    except OSError as error:
        if error.errno is None or (error.filename is None and error.errno not in (28, 122)):
            raise
        raise SystemExit(
            f"error: {error.filename or 'results'}: {error.strerror}; free or repair it, then run the same command again"
        ) from None


@contextlib.contextmanager
def sigterm_noted() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether SIGTERM has come; inside, it doesn't end the process."""
    came = []
    before = signal.signal(signal.SIGTERM, lambda *_: came.append(True))
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGTERM, before)


def user_folder(folder: str | None) -> None:
    """Let ``_target_`` find modules in the user's conf folder and in the working directory."""
    for path in (str(Path.cwd()), *([str(Path(folder).resolve())] if folder else [])):
        if path not in sys.path:
            sys.path.insert(0, path)


@contextlib.contextmanager
def stop_snakemake() -> Iterator[None]:
    """End Snakemake with the sentence of a UserError instead of a traceback, while it reads the Snakefile."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
    except OSError as error:
        print(
            f"error: {error.filename}: {error.strerror}; results/ must be a folder that can be written", file=sys.stderr
        )
        raise SystemExit(1) from None


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """No garbage collection inside: imports make many objects that stay, and looking through them takes a third."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
