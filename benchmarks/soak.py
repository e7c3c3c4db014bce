"""An hour at four fifths of what is sustained: whether lag and memory grow.

    python -m benchmarks.soak                             # calls at once from the results of load-1, load-2…
    python -m benchmarks.soak --calls 5 --minutes 5       # a try

Straight lines are fitted (least squares) to the lag of every word and to the resident memory of every process, its
first half left out: caches, all of them bounded, fill. A slope counts as growth when it is more than three of its
standard errors and more than `LAG_S_PER_HOUR` or `RSS_SHARE_PER_HOUR` says. Where something grows, or the load did not
keep its bounds, the exit status is 1. Not one of the cells that `make bench` runs: it takes an hour, and cannot go on
where it was interrupted.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.__main__ import hardware
from benchmarks.load.rows import Line, fit, sustainable
from benchmarks.load.run import run
from benchmarks.load.table import header, printed, results

RESULTS = Path(__file__).parent / "results"
SHARE = 0.8
LAG_S_PER_HOUR = 0.1
RSS_SHARE_PER_HOUR = 0.02
"""Of the memory that the process has."""
_SETTLED = 0.5
_SURE = 3.0


def grows(line: Line, most: float) -> bool:
    """Whether it does for sure, and by more than may be."""
    return line.slope > most and line.slope > _SURE * line.error


def memory(history: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By process: MB at the end, MB an hour with its error, whether it grows."""
    settled = list(history)[int(_SETTLED * len(history)) :]
    found: dict[str, dict[str, Any]] = {}
    for name in sorted({name for sample in settled for name in sample["rss_mb"]}):
        points = [(sample["at_s"] / 3600, sample["rss_mb"][name]) for sample in settled if name in sample["rss_mb"]]
        line = fit(points)
        found[name] = {
            "mb": round(points[-1][1], 1),
            "mb_per_hour": round(line.slope, 2),
            "error": round(line.error, 2),
            "grows": grows(line, RSS_SHARE_PER_HOUR * points[-1][1]),
        }
    return found


def soak(calls: int, minutes: float) -> dict[str, Any]:
    """Blocking for so long, and a minute. The row of a load with `lag` and `memory`."""
    row = run(calls, 60 * minutes)
    lag = row["word_lag_slope_s_per_hour"]
    line = Line(lag["slope"], lag["error"])
    return row | {"lag": lag | {"grows": grows(line, LAG_S_PER_HOUR)}, "memory": memory(row["history"])}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, help="at once; without it four fifths of what results say is sustained")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (%(default)s)")
    arguments = parser.parse_args()
    known = sustainable(row for row in results(RESULTS) if row["engine"] == "welcomedly")
    calls = arguments.calls or int(SHARE * known)
    if not calls:
        parser.error("no load is known to be sustained: run the cells load-1, load-2… or say --calls")
    before, began = hardware(), time.monotonic()
    row = soak(calls, arguments.minutes)
    RESULTS.mkdir(exist_ok=True)
    record = {"cell": "soak", "seconds": round(time.monotonic() - began, 1), "hardware": before, "result": row}
    (RESULTS / "soak.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(header(), printed([row]), sep="\n")
    print(f"lag     {row['lag']['slope']:+.3f} ± {row['lag']['error']:.3f} s an hour{_verdict(row['lag'])}")
    for name, used in row["memory"].items():
        print(f"{name:<7} {used['mb_per_hour']:+.2f} ± {used['error']:.2f} MB an hour, {used['mb']} MB{_verdict(used)}")
    if not passes(row):
        raise SystemExit(1)


def passes(row: Mapping[str, Any]) -> bool:
    """Whether nothing grew, and the load kept its bounds to the end."""
    return bool(row["sustained"]) and not any(one["grows"] for one in (row["lag"], *row["memory"].values()))


def _verdict(figures: Mapping[str, Any]) -> str:
    return ", grows" if figures["grows"] else ", flat"


if __name__ == "__main__":
    main()
