"""The one exception for mistakes that a user can mend."""


class UserError(Exception):
    """A mistake of the user's: its text is one sentence that names the file or key and the fix.

    Commands print the text alone, without a traceback, and exit with status 1.
    """
