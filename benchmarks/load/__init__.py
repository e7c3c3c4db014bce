"""So many two-channel calls at once at a whole engine, in real time: how late, how right and how dear.

    python -m benchmarks load-1 load-4 load-8
    python -m benchmarks.load                               # the table of all results, and the sustainable load
    python -m benchmarks.load --calls 4 --seconds 120       # one run by hand, kept nowhere

The engine is a process of its own with all that belongs to it (admission, recording, rules, cards, store, bus); callers
and desks are another, whose CPU time is told apart. Every call is SIPREC with RTP on loopback.
"""

from functools import partial
from typing import Any

LOADS = (1, 2, 4, 6, 8, 10, 12)
RUNS = 3
SECONDS = 500.0


def cell(calls: int) -> dict[str, Any]:
    """One run; prints its row."""
    from benchmarks.load.run import run
    from benchmarks.load.table import header, printed

    row = run(calls, SECONDS)
    print(header(), printed([row]), sep="\n")
    return row


CELLS = {
    f"load-{calls}{f'.{turn}' if turn > 1 else ''}": partial(cell, calls)
    for turn in range(1, RUNS + 1)
    for calls in LOADS
}
"""`load-4`, and `load-4.2` and `load-4.3` for those who want medians."""
