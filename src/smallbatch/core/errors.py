"""Exceptions that commands handle, and the one-sentence messages that they exit with."""

import contextlib
import sys
from collections.abc import Iterator


class UserError(Exception):
    """A user's mistake: the text is one sentence that names the file or key and the fix.

    Commands print only the text, without a traceback, and exit with status 1.
    """


class Stopped(Exception):
    """The process received SIGTERM and has saved its checkpoint."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or the name of its class if the text is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextlib.contextmanager
def main_errors() -> Iterator[None]:
    """Report a UserError or an OSError such as a full disk in one sentence and exit with status 1.

    Ctrl-C exits with status 130.
    """
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
    """While Snakemake reads the Snakefile, exit with the sentence of a UserError or OSError instead
    of a traceback."""
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
