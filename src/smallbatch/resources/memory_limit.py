"""The memory limit and the peak memory of this process, in MB."""

import contextlib
import math
import os
import resource
from pathlib import Path

MEGABYTE = 1e6
STATUS = Path("/proc/self/status")
CGROUP = Path("/proc/self/cgroup")


def limit(stated: float | None) -> tuple[float, str]:
    """The memory limit of this process and its source: the study's `training.mem_mb`, the
    scheduler, or the free memory of this machine."""
    if stated:
        return stated, "training.mem_mb"
    granted = _slurm()
    if granted:
        return granted, "Slurm"
    try:
        import psutil
    except ImportError:  # without psutil, no limit is known
        return math.inf, "this machine"
    own = psutil.Process().memory_info().rss
    free = [psutil.virtual_memory().available, *_cgroup_free()]
    return (min(free) + own) / MEGABYTE, "this machine"


def _slurm() -> float | None:
    """The memory that Slurm allocated to this job on this node."""
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
    """The free memory within a container's limit, if there is one."""
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

    Read from /proc if available, because ``ru_maxrss`` starts at the memory of the parent process.
    """
    with contextlib.suppress(OSError, StopIteration, ValueError):
        line = next(
            line
            for line in STATUS.read_text(encoding="utf-8").splitlines()
            if line.startswith("VmHWM:")
        )
        return int(line.split()[1]) * 1024 / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
