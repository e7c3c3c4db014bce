"""What the processor can do, by the kernel's word: programs that do not ask use less of it, or use it wrong."""

from functools import cache
from pathlib import Path

INFO = Path("/proc/cpuinfo")


@cache
def flags(info: Path = INFO) -> frozenset[str]:
    """Of an x86; empty where nobody tells."""
    try:
        with info.open(encoding="ascii", errors="replace") as lines:
            line = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(line.partition(":")[2].split())
