"""`python -m benchmarks [CELL…]`: runs cells, or all that have no result yet. `--list` names them, `--report` joins
them."""

import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.report import table

RESULTS = Path(__file__).parent / "results"
Cell = Callable[[], dict[str, Any]]


def cells() -> dict[str, Cell]:
    """Every cell by name, in the order in which they are worth running."""
    found: dict[str, Cell] = {}
    for module in (
        "media",
        "media_gate",
        "idle_calls",
        "bridge",
        "browser",
        "setups",
        "fuzz",
        "accuracy",
        "bands",
        "cards",
        "read_payments",
        "entities",
        "display",
        "word_times",
        "vocabulary",
        "rules",
        "turns",
        "from_audio",
        "alignments",
        "runtimes",
        "knowledge",
        "silence",
        "languages",
        "latency",
        "understanding",
        "load",
        "gpu",
    ):
        found |= importlib.import_module(f"benchmarks.{module}").CELLS
    return found


def hardware() -> dict[str, Any]:
    """What the figures were measured on."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    load = Path("/proc/loadavg").read_text("utf-8").split()[:3] if Path("/proc/loadavg").exists() else []

    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": load,
    }


def run(name: str, cell: Cell) -> None:
    print(f"── {name}", flush=True)
    before, started = hardware(), time.monotonic()
    result = cell()
    RESULTS.mkdir(exist_ok=True)
    record = {"cell": name, "seconds": round(time.monotonic() - started, 1), "hardware": before, "result": result}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")


def report() -> None:
    for line in table(RESULTS):
        print(line)


def main(arguments: list[str]) -> int:
    known = cells()
    if arguments == ["--list"]:
        print("\n".join(known))
        return 0
    if arguments == ["--report"]:
        report()
        return 0
    if unknown := [name for name in arguments if name not in known]:
        print(f"no such cell: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in arguments or [name for name in known if not (RESULTS / f"{name}.json").exists()]:
        run(name, known[name])
    report()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
