"""What the files of a folder of images contain, as hashes that are remembered between runs."""

import hashlib
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from smallbatch.core.identity import digest
from smallbatch.core.user_cache import remember, remembered
from smallbatch.data.image_files import Listing, text_of

THREADS = 8  # that read at once, for disks in a network
SETTLED = 2 * 10**9  # nanoseconds: a file may change twice within one tick of its disk's clock


def hashes_of(folder: Path, listing: Listing) -> dict[Path, str]:
    """The hash of each image. A file is read again if its size or one of its times has changed:
    the time of the last change of its entry (ctime) is set by no program."""
    paths = [path for part in listing.parts.values() for one in part.values() for path in one]
    name = f"images-{digest(text_of(folder.resolve()))}"
    before, now = remembered(name) or {}, time.time_ns()
    stamps = {path: _stamp(path) for path in paths}
    known = {
        path: before[text_of(path)][1]
        for path, stamp in stamps.items()
        if before.get(text_of(path), [None])[0] == stamp
    }
    with ThreadPoolExecutor(THREADS) as pool:
        new = [path for path in paths if path not in known]
        known.update(zip(new, pool.map(_hash, new), strict=True))
    kept = {
        text_of(path): [stamp, known[path]]
        for path, stamp in stamps.items()
        if now - max(stamp[1:]) > SETTLED
    }
    if kept != before:
        remember(name, kept, lambda there: there == kept)
    return {path: known[path] for path in paths}  # in this order, whichever were known


def content_digest(folder: Path, hashes: dict[Path, str]) -> str:
    """A digest of names and contents, wherever the folder stands."""
    return digest([[text_of(path.relative_to(folder)), found] for path, found in hashes.items()])


def repeated(folder: Path, listing: Listing, hashes: dict[Path, str]) -> Iterable[str]:
    """A note on files of one content in several splits or classes."""
    first: dict[str, tuple[str, str, Path]] = {}
    pairs = []
    for split, classes in listing.parts.items():
        for name, paths in classes.items():
            for path in paths:
                one = first.setdefault(hashes[path], (split, name, path))
                if one[:2] != (split, name):
                    pairs.append(
                        (text_of(one[2].relative_to(folder)), text_of(path.relative_to(folder)))
                    )
    if pairs:
        yield f"files that stand in two splits or classes: {len(pairs):,}, the first is {pairs[0][1]}, the same as {pairs[0][0]}"


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
