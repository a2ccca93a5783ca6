"""The user's folder on the path."""

import sys
from pathlib import Path


def user_folder(folder: str | None) -> None:
    """Let ``_target_`` find modules in the user's conf folder and in the working directory."""
    for path in (str(Path.cwd()), *([str(Path(folder).resolve())] if folder else [])):
        if path not in sys.path:
            sys.path.insert(0, path)
