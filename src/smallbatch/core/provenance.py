"""Provenance of a result: commit, versions, hardware."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path


def commit() -> str:
    """The Git commit of the source tree: ``abc123``, ``abc123 (dirty)`` if tracked files have
    changes, or ``unknown``."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            [*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + (" (dirty)" if changed.stdout.strip() else "")


def versions(*packages: str) -> str:
    """``Python 3.11.7, torch 2.13.0`` of this process."""
    return ", ".join(
        [
            f"Python {platform.python_version()}",
            *(f"{name} {importlib.metadata.version(name)}" for name in packages),
        ]
    )


def processor() -> str:
    """The name of the processor with family and model, since virtual machines can report the same
    name for different processors."""
    try:
        pairs = [
            line.partition(":")
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        ]
        # of the first core
        found = {key.strip(): value.strip() for key, _, value in reversed(pairs)}
        family = (
            f" (family {found['cpu family']}, model {found['model']})"
            if "cpu family" in found
            else ""
        )
        return found["model name"] + family
    except (OSError, KeyError):
        return platform.processor() or platform.machine()
