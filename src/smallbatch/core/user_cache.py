"""What this program remembers about this machine between runs: compiled code, which way of training
is fastest.

Losing it costs time, never a result.
"""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from smallbatch.core.atomic import temporary_beside


def home_folder() -> Path:
    """The user's home folder; ``results/`` for a user without one, and without a name."""
    try:
        return Path.home()
    except RuntimeError:
        return Path.cwd() / "results"


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/smallbatch``, or ``~/.cache/smallbatch``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or home_folder() / ".cache") / "smallbatch"


def remembered(name: str) -> dict | None:
    """What was remembered under `name`, or None."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((cache_folder() / f"{name}.json").read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None


def remember(name: str, content: dict, usable: Callable[[dict], bool] = lambda kept: True) -> None:
    """Remember `content` under `name`, if the folder can be written and no other process put
    `usable` content there first."""
    path = cache_folder() / f"{name}.json"
    # Not `write_atomically`: the first process that remembers something wins, and a link doesn't
    # replace a file.
    with contextlib.suppress(OSError), temporary_beside(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        kept = remembered(name)
        if kept is None or not usable(kept):
            path.unlink(missing_ok=True)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a disk without links
            os.replace(temporary, path)
