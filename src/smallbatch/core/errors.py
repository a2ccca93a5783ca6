"""Exceptions that commands know what to do with."""


class UserError(Exception):
    """A mistake of the user's: its text is one sentence that names the file or key and the fix.

    Commands print the text alone, without a traceback, and exit with status 1.
    """


class Stopped(Exception):
    """The process was asked to end (SIGTERM) and has written its checkpoint."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or the name of its class where it has no text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
