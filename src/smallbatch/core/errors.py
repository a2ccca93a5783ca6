"""Exceptions that commands handle, and the one-sentence messages that they exit with."""

import contextlib
import io
import os
import pwd
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Files of Python and of installed packages, and code without a file.
INSTALLED = re.compile(rf"/(site|dist)-packages/|^{re.escape(sysconfig.get_path('stdlib'))}/|^<")


class UserError(Exception):
    """A user's mistake: the text is one sentence that names the file or key and the fix.

    Commands print only the text, without a traceback, and exit with status 1.
    """


class Stopped(Exception):
    """The process received SIGTERM and has saved its checkpoint."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or the name of its class if the text is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def user_line(error: BaseException) -> str:
    """The last line of the user's own code in an error's traceback, as ``FILE, line N``; empty if
    there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not Path(frame.filename).is_relative_to(PACKAGE) and not INSTALLED.search(
            frame.filename
        ):
            return f"{frame.filename}, line {frame.lineno}"
    return ""


def of_another_user(path: str | Path) -> str | None:
    """A sentence for a file or folder that another user made, and that this one may not write."""
    place = Path(path)
    while not place.exists() and place != place.parent:
        place = place.parent
    owner = place.stat().st_uid
    if owner == os.getuid() or os.access(place, os.W_OK):
        return None
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:  # a user without a name
        name = str(owner)
    return (
        f"{place}: it belongs to user {name}, and you may not write it; work in a folder of your own, or "
        "share this one: a common group, umask 002 for each of you, and once chmod -R g+rwX results"
    )


def _denied(error: OSError) -> str | None:
    return (
        of_another_user(error.filename)
        if isinstance(error, PermissionError) and error.filename
        else None
    )


@contextlib.contextmanager
def main_errors() -> Iterator[None]:
    """Report a UserError or an OSError such as a full disk in one sentence and exit with status 1.

    Ctrl-C exits with status 130. Characters that the locale lacks are printed as escapes (on
    standard error by Python itself).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
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
        if said := _denied(error):
            raise SystemExit(f"error: {said}") from None
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
        said = _denied(error) or (
            f"{error.filename}: {error.strerror}; results/ must be a folder that can be written"
        )
        print(f"error: {said}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
