"""Checkpoints of a block of replicas: one file, written atomically, loaded only if its checksum and
identity match.

    magic line · header (one line of JSON) · arrays, concatenated · blake2b digest of the preceding

The header holds ``identity`` (of the block and its settings), ``state`` (progress of training) and
``arrays`` (name, type, shape). A checkpoint is in the same folder as the parts of the store and is
deleted when its points are stored.
"""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smallbatch.core.atomic import temporary_prefix, write_atomically
from smallbatch.core.identity import digest

MAGIC = b"smallbatch checkpoint 1\n"
DIGEST_SIZE = 32
A_DAY = 86400.0
OTHER = {
    "points": "of other points",
    "fleet": "of another fleet",
    "code": "of other training code",
    "data": "of other data",
    "engine": "of another engine",
    "device": "of another device",
    "versions": "of other versions",
}


@dataclass(frozen=True)
class CheckpointPolicy:
    """Checkpoint policy of a block; by default, no checkpoints."""

    # State and arrays to resume from, as passed to `save`.
    saved: tuple[dict[str, Any], dict[str, np.ndarray]] | None = None
    save: Callable[[dict[str, Any], dict[str, np.ndarray]], None] = lambda state, arrays: None
    seconds: float = math.inf  # between checkpoints
    stopping: Callable[[], bool] = lambda: False  # whether the process should stop


NO_CHECKPOINT = CheckpointPolicy()


class Unusable(Exception):
    """Training cannot resume from a checkpoint; the text is the reason."""


def policy_of(
    path: Path,
    identity: dict[str, Any],
    seconds: float,
    stopping: Callable[[], bool],
    say: Callable[[str], None],
) -> CheckpointPolicy:
    """A policy that saves a block to the file `path` and resumes from an existing checkpoint;
    `say` logs whether that is possible."""
    saved = None
    # Files of a process that was killed while writing.
    for left in path.parent.glob(f"{temporary_prefix(path)}*"):
        left.unlink(missing_ok=True)
    try:
        saved = load(path, identity)
    except Unusable as reason:
        say(f"checkpoint {path} {reason}; this block starts again")
    if saved:
        say(f"goes on from its checkpoint, after {saved[0]['done']:,} updates")

    def write(state: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        try:
            save(path, identity, state, arrays)
        except OSError as error:  # such as a full disk: training does not depend on checkpoints
            say(
                f"warning: checkpoint {path} could not be written ({error.strerror}); training goes on without"
            )

    return CheckpointPolicy(saved, write, seconds, stopping)


def path_of(folder: Path, points: list[str]) -> Path:
    """The checkpoint file of the block of `points` (digests), in the folder of its fleet and
    code."""
    return folder / f".checkpoint-{digest(points)}"


def save(
    path: Path, identity: dict[str, Any], state: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Save a checkpoint; after a kill or a power failure, the file is either the old one or the new
    one."""
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    about = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    header = json.dumps({"identity": identity, "state": state, "arrays": about}).encode() + b"\n"
    hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)
    with write_atomically(path) as temporary, open(temporary, "wb") as file:
        parts: list[Any] = [
            MAGIC,
            header,
            *(array.reshape(-1).view(np.uint8).data for array in arrays.values()),
        ]
        for part in parts:
            hashed.update(part)
            file.write(part)
        file.write(hashed.digest())


def load(
    path: Path, identity: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Load the state and arrays of a checkpoint; returns None if there is no file, raises Unusable
    if it is damaged or does not match `identity`."""
    try:
        content = bytearray(path.read_bytes())  # arrays are writable views of it
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable(f"cannot be read ({error.strerror})") from error
    header, start = _header(content)
    try:
        about = [(name, np.dtype(kind), tuple(shape)) for name, kind, shape in header["arrays"]]
        whose, state = header["identity"], header["state"]
        length = (
            start + sum(kind.itemsize * math.prod(shape) for _, kind, shape in about) + DIGEST_SIZE
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable("is damaged") from error
    if len(content) < length:
        raise Unusable(f"is truncated ({len(content):,} of {length:,} bytes)")
    hashed = hashlib.blake2b(memoryview(content)[:-DIGEST_SIZE], digest_size=DIGEST_SIZE)
    if len(content) > length or hashed.digest() != content[-DIGEST_SIZE:]:
        raise Unusable("is damaged (its content and its digest differ)")
    for key in OTHER:
        if whose.get(key) != identity.get(key):
            raise Unusable(f"is {OTHER[key]}")
    arrays = {}
    for name, kind, shape in about:
        arrays[name] = np.frombuffer(content, kind, math.prod(shape), start).reshape(shape)
        start += arrays[name].nbytes
    return state, arrays


def _header(content: bytearray) -> tuple[dict[str, Any], int]:
    """The header and the offset of the arrays; raises Unusable if it is damaged."""
    if not content.startswith(MAGIC):
        if MAGIC.startswith(content):
            raise Unusable(f"is truncated ({len(content)} bytes)")
        raise Unusable("is not a checkpoint of this version of smallbatch")
    end = content.find(b"\n", len(MAGIC)) + 1
    if not end:
        raise Unusable(f"is truncated ({len(content):,} bytes, within its header)")
    try:
        return json.loads(content[len(MAGIC) : end]), end
    except ValueError as error:
        raise Unusable("is damaged (its header cannot be read)") from error


def sweep(fleet: Path, stored: Callable[[list[str]], bool]) -> None:
    """Delete checkpoints in the folder of a fleet if all of their points are `stored`, and
    temporary files of dead processes.

    If jobs are packed differently after a checkpoint was saved, no job uses this checkpoint again.
    """
    for path in fleet.glob("*/.checkpoint-*"):
        try:
            with open(path, "rb") as file:
                head = bytearray(file.readline() + file.readline())
            done = stored(_header(head)[0]["identity"]["points"])
        except (OSError, KeyError, TypeError):
            continue
        except Unusable:
            done = True
        if done:
            path.unlink(missing_ok=True)
    for path in fleet.glob("*/.writing-*"):  # files older than a day are no longer being written
        try:
            if time.time() - path.stat().st_mtime > A_DAY:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue  # another job deleted it
