"""What processes use, from `/proc`: CPU seconds and resident memory."""

import os
import statistics
import time
from pathlib import Path

import msgspec
import numpy as np

_YARDSTICK = 1 << 24
"""64 MB, which no cache of one core holds."""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
NAMES = {"models.ears": "ears", "nats-server": "bus", "media.workers": "media", "media.bridge": "bridge"}
"""What stands in the command line of an engine's children, and what they are called here."""


class Usage(msgspec.Struct, frozen=True):
    cpu_s: dict[str, float]
    """By process, since each began; `engine` is the root, of which `engine.loop` is its main thread (SIP, RTP, VAD,
    pipelines, web), and the rest of it its helpers' (text models, store)."""
    rss_mb: dict[str, float]
    """Resident memory; of what processes share, each has its part (PSS), so that a sum counts it once."""


def usage(root: int, name: str = "engine") -> Usage:
    """Of a process and all below it. What ends meanwhile is left out."""
    cpu_s: dict[str, float] = {}
    rss_mb: dict[str, float] = {}
    for pid in [root, *descendants(root)]:
        try:
            called = name if pid == root else name_of(pid)
            cpu_s[called] = cpu_s.get(called, 0.0) + cpu_seconds(Path(f"/proc/{pid}/stat"))
            rss_mb[called] = rss_mb.get(called, 0.0) + resident_mb(pid)
            if pid == root:
                cpu_s[f"{name}.loop"] = cpu_seconds(Path(f"/proc/{pid}/task/{pid}/stat"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return Usage(cpu_s, rss_mb)


def yardstick_ms() -> float:
    """How long one and the same piece of work takes here and now, on one thread: a machine whose neighbours work, which
    nothing in it tells, takes longer for it. The median of a few."""
    numbers = np.ones(_YARDSTICK, np.float32)
    took = []
    for _ in range(15):
        began = time.perf_counter()
        sum(range(_YARDSTICK // 64))
        numbers.sum()
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


def total(by_name: dict[str, float]) -> float:
    """Of whole processes: names with a dot are parts of others."""
    return sum(value for name, value in by_name.items() if "." not in name)


def name_of(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return next((name for sign, name in NAMES.items() if sign in command), "other")


def descendants(root: int) -> list[int]:
    """Children and theirs, as they are now."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = _fields(folder / "stat")
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, waiting = [], [root]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def cpu_seconds(stat: Path) -> float:
    """User and system time of a process or a thread."""
    fields = _fields(stat)
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def machine_seconds() -> float:
    """CPU time of everything on this machine since it started, waiting left out."""
    numbers = [int(field) for field in Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:9]]
    user, nice, system, _, _, interrupts, soft, stolen = numbers
    return (user + nice + system + interrupts + soft + stolen) * _TICK_S


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0  # it has ended and waits for its parent


def _fields(stat: Path) -> list[str]:
    """From the state on: the name before it may hold blanks and brackets."""
    return stat.read_text("utf-8", "replace").rpartition(")")[2].split()
