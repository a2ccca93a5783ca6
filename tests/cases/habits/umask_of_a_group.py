"""Two users with umask 002, and a file that a library made for its owner alone."""

import os
import tempfile
from pathlib import Path

from smallbatch.core.atomic import permit_as_umask

SOURCE = "payu-org/payu#652"
OUTCOME = "trains"


def run(user):
    made = Path(tempfile.mkstemp(dir=user.path("."))[1])
    before = os.umask(0o002)
    try:
        permit_as_umask(made)
    finally:
        os.umask(before)
    assert made.stat().st_mode & 0o777 == 0o664
