"""The table of loads, for ours and for peers."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.load.rows import fit, flat, keeps, sustainable, value

COLUMNS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("first p50", ("first_word_s", "p50"), 2),
    ("lag mean", ("word_lag_s", "mean"), 2),
    ("p50", ("word_lag_s", "p50"), 2),
    ("p95", ("word_lag_s", "p95"), 2),
    ("third 1", ("word_lag_first_third_s",), 2),
    ("third 3", ("word_lag_last_third_s",), 2),
    ("final p50", ("final_s", "p50"), 2),
    ("p95", ("final_s", "p95"), 2),
    ("p99", ("final_s", "p99"), 2),
    ("gap p50", ("partial_gap_s", "p50"), 2),
    ("p95", ("partial_gap_s", "p95"), 2),
    ("revised", ("revised_per_shown",), 3),
    ("WER", ("wer",), 1),
    ("no final", ("uncommitted",), 3),
    ("CPU/call", ("cpu_s_per_call_s", "all"), 3),
    ("ears", ("cpu_s_per_call_s", "ears"), 3),
    ("loop", ("cpu_s_per_call_s", "engine.loop"), 3),
    ("RSS MB", ("rss_mb",), 0),
    ("lines", ("lines_cores_used",), 2),
    ("foreign", ("foreign_cores",), 2),
    ("yardstick", ("yardstick_ms",), 1),
)
"""Title, where the figure stands in a row, decimals. Seconds where nothing else is said."""


def header() -> str:
    titles = " ".join(f"{title:>9}" for title, _, _ in COLUMNS)
    return f"{'engine':<14} {'calls':>5} {'runs':>4} {'words':>6} {titles}  holds"


def printed(runs: Sequence[Mapping[str, Any]]) -> str:
    """Medians of the runs of one engine at one load."""
    cells = []
    for _, path, decimals in COLUMNS:
        values = [found for run in runs if (found := value(run, path)) is not None]
        cells.append(f"{statistics.median(values):>9.{decimals}f}" if values else f"{'–':>9}")
    words = round(statistics.median(run["words"] for run in runs))
    holds = "yes" if keeps(runs) else "lag grows" if not all(map(flat, runs)) else "no"
    start = f"{runs[0]['engine']:<14} {runs[0]['calls_at_once']:>5} {len(runs):>4} {words:>6}"
    return f"{start} {' '.join(cells)}  {holds}"


def results(folder: Path) -> list[dict[str, Any]]:
    """Rows of all cells that have run."""
    files = [*folder.glob("load-*.json"), *folder.glob("peer-*.json")]
    return [json.loads(path.read_text("utf-8"))["result"] for path in sorted(files)]


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Lines to print: every engine's loads, and what each sustains."""
    by_engine: dict[str, dict[int, list[Mapping[str, Any]]]] = {}
    for row in rows:
        by_engine.setdefault(row["engine"], {}).setdefault(row["calls_at_once"], []).append(row)
    yield header()
    for loads in by_engine.values():
        for _, runs in sorted(loads.items()):
            yield printed(runs)
    for name, loads in by_engine.items():
        own = [row for runs in loads.values() for row in runs]
        yield f"{name}: sustains {sustainable(own)} calls at once{_memory(loads)}"


def _memory(loads: Mapping[int, Sequence[Mapping[str, Any]]]) -> str:
    points = [(float(calls), run["rss_mb"]) for calls, runs in loads.items() for run in runs]
    line = fit(points)
    return f", {line.slope:.1f} ± {line.error:.1f} MB a further call" if len(loads) > 2 else ""
