"""Files and folders that are written whole or not at all, whatever kills the process or cuts the
power."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def write_atomically(path: Path, sync: bool = True) -> Iterator[Path]:
    """Give the path of a temporary file or folder to write, which takes the place of `path` when
    the block ends.

    If the block raises, `path` stays as it was. Without `sync` only a kill is survived, not a power
    cut.
    """
    with temporary_beside(path) as temporary:
        yield temporary
        if sync:
            _sync_all(temporary)
        if path.is_dir():  # a folder can only be renamed to the name of an empty one
            shutil.rmtree(path)
        os.replace(temporary, path)
        if sync:
            with contextlib.suppress(OSError):  # some file systems refuse it for a folder
                _sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """A free path in the folder of `path`; what is there when the block ends is deleted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # other processes may write `path` too
    temporary = path.with_name(temporary_prefix(path) + uuid.uuid4().hex)
    try:
        yield temporary
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def permit_as_umask(path: Path) -> None:
    """Give a file the permissions that the umask leaves to new ones, whoever made it."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def temporary_prefix(path: Path) -> str:
    """How the names of temporary files beside `path` begin: by it one finds those of processes that
    were killed."""
    return f".writing-{path.name.lstrip('.')}-"


def _sync_all(path: Path) -> None:
    """Bring a file, or a folder and the files in it, to the disk."""
    if path.is_dir():
        for file in path.iterdir():
            _sync(file)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
