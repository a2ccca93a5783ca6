"""Digests that identify points and fleets, independent of the study and job that they are in."""

import hashlib
import itertools
import json

from smallbatch.core.records import Fleet, Point, PointBlock


def digest(content: object) -> str:
    """Hash the content to 8 hex digits, independent of the order of keys."""
    return hashlib.blake2b(canonical(content), digest_size=4).hexdigest()


def canonical(content: object) -> bytes:
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def point_digests(fleet: Fleet, points: list[Point]) -> list[str]:
    """16 hex digits for each point (η̃, seed) of a fleet: its identity, independent of the code
    that trains it."""
    base = hashlib.blake2b(canonical(fleet), digest_size=8)
    found: list[str] = []
    for base_lr, seed in points:
        one = base.copy()
        one.update(f"|{base_lr!r}|{seed}".encode())
        found.append(one.hexdigest())
    return found


def points_of(blocks: list[PointBlock]) -> list[Point]:
    """The points (η̃, seed) of a fleet's blocks."""
    return [
        point for block in blocks for point in itertools.product(block["base_lr"], block["seeds"])
    ]


def count(blocks: list[PointBlock]) -> int:
    """The number of points of a fleet's blocks."""
    return sum(len(block["base_lr"]) * len(block["seeds"]) for block in blocks)


def fleet_slug(fleet: Fleet) -> str:
    """A readable and unique folder name for a fleet."""
    norm = f"{fleet['norm']}{fleet.get('bn_batch_size', '')}"
    names = f"{fleet['dataset']['name']}-{fleet['model']['name']}"
    return f"{names}-m{fleet['batch_size']}-{norm}-u{fleet['updates']}-{digest(fleet)}"
