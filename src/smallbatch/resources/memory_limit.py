"""What memory this process may use, and what it has used, in MB."""

import contextlib
import math
import os
import resource
from pathlib import Path

MEGABYTE = 1e6
STATUS = Path("/proc/self/status")
CGROUP = Path("/proc/self/cgroup")


def limit(stated: float | None) -> tuple[float, str]:
    """What this process may use, and who says so: the study's `training.mem_mb`, the scheduler, or
    what is free here."""
    if stated:
        return stated, "training.mem_mb"
    granted = _slurm()
    if granted:
        return granted, "Slurm"
    try:
        import psutil
    except ImportError:  # a bare machine: no limit is known
        return math.inf, "this machine"
    own = psutil.Process().memory_info().rss
    free = [psutil.virtual_memory().available, *_cgroup_free()]
    return (min(free) + own) / MEGABYTE, "this machine"


def _slurm() -> float | None:
    """What Slurm granted this job on this node."""
    with contextlib.suppress(ValueError):
        node, core = os.environ.get("SLURM_MEM_PER_NODE"), os.environ.get("SLURM_MEM_PER_CPU")
        if node:
            return float(node) * 2**20 / MEGABYTE or None
        if core:
            return (
                float(core) * int(os.environ.get("SLURM_CPUS_ON_NODE", 1)) * 2**20 / MEGABYTE
                or None
            )
    return None


def _cgroup_free() -> list[float]:
    """What a container's limit leaves, if there is one."""
    with contextlib.suppress(OSError, ValueError):
        for line in CGROUP.read_text(encoding="utf-8").splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds and "memory" not in kinds.split(","):
                continue
            root = Path("/sys/fs/cgroup/memory" if kinds else "/sys/fs/cgroup")
            most, used = (
                ("memory.limit_in_bytes", "memory.usage_in_bytes")
                if kinds
                else ("memory.max", "memory.current")
            )
            folder = next(
                (f for f in (root / path.lstrip("/"), root) if (f / most).is_file()), None
            )
            if folder and (folder / most).read_text(encoding="utf-8").strip() != "max":
                return [
                    max(
                        0.0,
                        float((folder / most).read_text(encoding="utf-8"))
                        - float((folder / used).read_text(encoding="utf-8")),
                    )
                ]
    return []


def peak_used() -> float:
    """Peak resident memory of this process.

    From /proc where there is one: ``ru_maxrss`` begins with what the process that started this one
    held.
    """
    with contextlib.suppress(OSError, StopIteration, ValueError):
        line = next(
            line
            for line in STATUS.read_text(encoding="utf-8").splitlines()
            if line.startswith("VmHWM:")
        )
        return int(line.split()[1]) * 1024 / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
