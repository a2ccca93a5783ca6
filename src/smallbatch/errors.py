"""Exceptions that commands know what to do with."""


class UserError(Exception):
    """A mistake of the user's: its text is one sentence that names the file or key and the fix.

    Commands print the text alone, without a traceback, and exit with status 1.
    """


class Stopped(Exception):
    """The process was asked to end (SIGTERM) and has written its checkpoint."""
