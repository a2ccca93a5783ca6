"""Exceptions that commands know what to do with, and how they end with one sentence."""

import contextlib
import sys
from collections.abc import Iterator


class UserError(Exception):
    """A mistake of the user's: its text is one sentence that names the file or key and the fix.

    Commands print the text alone, without a traceback, and exit with status 1.
    """


class Stopped(Exception):
    """The process was asked to end (SIGTERM) and has written its checkpoint."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or the name of its class where it has no text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


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
def stop_snakemake() -> Iterator[None]:
    """End Snakemake with the sentence of a UserError instead of a traceback, while it reads the
    Snakefile."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
    except OSError as error:
        print(
            f"error: {error.filename}: {error.strerror}; results/ must be a folder that can be written",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
