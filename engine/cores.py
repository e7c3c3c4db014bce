"""How much of the machine this process may use: a container or a unit may be given less than all of it."""

import math
import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def cores(groups: Path = _GROUPS, membership: Path = _MEMBERSHIP) -> float:
    """Those that it is bound to, or what its control groups (v2) let it have of them (`docker run --cpus 1.5`,
    `CPUQuota=`, a pod's limit)."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, _quota(groups, membership))


def _quota(groups: Path, membership: Path) -> float:
    """The least of its own group and of those around it."""
    try:
        own = next(line[3:] for line in membership.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return math.inf
    folder = groups / own.lstrip("/")
    return min(_limit(each / "cpu.max") for each in (folder, *folder.parents) if each.is_relative_to(groups))


def _limit(file: Path) -> float:
    """`max 100000`, or microseconds of so many; the root group has no such file."""
    try:
        quota, period = file.read_text().split()
    except (OSError, ValueError):
        return math.inf
    return math.inf if quota == "max" else int(quota) / int(period)
