"""The number of CPUs that the container may use, for `workers: auto`."""

import math
import os
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")


def cpu_limit(control_group: Path = CONTROL_GROUP) -> int:
    """Return the container's CPU limit, rounded up, and at most the number of CPUs that this process may run on.

    Reads `cpu.max` (cgroup v2) or `cpu/cpu.cfs_quota_us` and `cpu/cpu.cfs_period_us` (cgroup v1) below `control_group`.
    """
    usable = len(os.sched_getaffinity(0))
    quota = _version_2(control_group) or _version_1(control_group)
    return min(math.ceil(quota), usable) if quota else usable


def _version_2(control_group: Path) -> float | None:
    words = _read(control_group / "cpu.max").split()
    return _ratio(words[0], words[1]) if len(words) == 2 else None


def _version_1(control_group: Path) -> float | None:
    return _ratio(_read(control_group / "cpu/cpu.cfs_quota_us"), _read(control_group / "cpu/cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    """Return the number of CPUs, or None for no limit, which is `max` in version 2 and -1 in version 1."""
    try:
        cpus = int(quota) / int(period)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return cpus if cpus > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
