"""A row of the table of loads: how so many calls at once were heard, by whatever engine. Pure.

Lateness is against the sound as it was played; see `benchmarks.load.streams` for what the figures mean.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from benchmarks.load.lines import Call
from benchmarks.load.material import LEGS
from benchmarks.load.streams import Figures, measure

GAP_P50_S, GAP_P95_S, REVISED, FINAL_P95_S = 1.0, 2.0, 0.15, 1.5
"""What a load must keep to be a sustainable one."""
UNCOMMITTED = 0.05
"""Share of turns of which no word may ever be committed: they have no lateness. A turn of a word or two that was
misheard is one."""
FLAT = (1.5, 0.5)
"""The last third may lag behind so many times what the first does, and so many seconds."""


class Line(msgspec.Struct, frozen=True):
    """The straight line that fits points best (least squares)."""

    slope: float
    error: float
    """Standard error of the slope: what is within twice of it of nothing, is nothing."""


def heard(calls: Sequence[Call]) -> dict[str, Any]:
    """Words, lateness and revisions of all calls together."""
    figures = [
        (call, measure(call.updates.get(leg, []), [one for one in call.utterances if one.leg == leg]))
        for call in calls
        for leg in LEGS
    ]
    all_figures = [one for _, one in figures]
    turns = [turn for one in all_figures for turn in one.turns]
    lags = sorted((call.began_s + at, lag) for call, one in figures for at, lag in one.lags)
    thirds = _thirds(lags)
    slope = fit(lags)
    return {
        "words": sum(one.words for one in all_figures),
        "turns": len(turns),
        "wer": _wer(all_figures),
        "wer_by_language": {
            language: _wer([one for call, one in figures if call.language == language])
            for language in sorted({call.language for call in calls})
        },
        "first_word_s": spread(turn.first for turn in turns),
        "word_lag_s": {"mean": _rounded(np.mean([lag for _, lag in lags]) if lags else None)}
        | spread(lag for _, lag in lags),
        "word_lag_first_third_s": thirds[0],
        "word_lag_last_third_s": thirds[-1],
        "word_lag_slope_s_per_hour": {"slope": round(3600 * slope.slope, 3), "error": round(3600 * slope.error, 3)},
        "complete_s": spread(turn.complete for turn in turns),
        "final_s": spread(turn.final for turn in turns),
        "uncommitted": _share(turn.final is None for turn in turns if turn.words),
        "partial_gap_s": spread(gap for one in all_figures for gap in one.gaps),
        "revised_per_shown": round(
            sum(one.revised for one in all_figures) / max(1, sum(one.shown for one in all_figures)), 3
        ),
    }


def sustainable(rows: Iterable[Mapping[str, Any]]) -> int:
    """The largest load whose rows (one a run) keep all bounds in the median, as all smaller ones measured do; 0: none
    does."""
    by_calls: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_calls.setdefault(row["calls_at_once"], []).append(row)
    most = 0
    for calls, runs in sorted(by_calls.items()):
        if not keeps(runs):
            break
        most = calls
    return most


def keeps(runs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the medians of some runs at one load are within all bounds, and no call was refused or cut short."""
    bounds = (
        (("partial_gap_s", "p50"), GAP_P50_S),
        (("partial_gap_s", "p95"), GAP_P95_S),
        (("revised_per_shown",), REVISED),
        (("final_s", "p95"), FINAL_P95_S),
        (("uncommitted",), UNCOMMITTED),
    )
    if any(value(run, path) is None for run in runs for path, _ in bounds):
        return False
    within = all(statistics.median(value(run, path) or 0.0 for run in runs) <= bound for path, bound in bounds)
    return within and all(flat(run) and run["refused"] == run["cut_short"] == 0 for run in runs)


def flat(row: Mapping[str, Any]) -> bool:
    """Whether the last third of the run lags no more than the first."""
    first, last = row["word_lag_first_third_s"], row["word_lag_last_third_s"]
    return first is not None and last is not None and bool(last <= FLAT[0] * first + FLAT[1])


def value(row: Mapping[str, Any], path: Sequence[str]) -> float | None:
    found: Any = row
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return None if found is None else float(found)


def spread(values: Iterable[float | None]) -> dict[str, float]:
    """p50, p95 and p99 of those that there are, and how many; empty when there are none."""
    there = [one for one in values if one is not None]
    if not there:
        return {}
    points = np.percentile(there, (50, 95, 99))
    return {name: round(float(one), 3) for name, one in zip(("p50", "p95", "p99"), points, strict=True)} | {
        "n": len(there)
    }


def fit(points: Sequence[tuple[float, float]]) -> Line:
    """Least squares through (x, y); with fewer than three points, or all at one x, the error is infinite."""
    if len(points) < 3:
        return Line(0.0, float("inf"))
    x, y = np.array(points, np.float64).T
    spread_x = float(np.sum((x - x.mean()) ** 2))
    if not spread_x:
        return Line(0.0, float("inf"))
    slope = float(np.sum((x - x.mean()) * (y - y.mean()))) / spread_x
    rest = y - y.mean() - slope * (x - x.mean())
    return Line(slope, float(np.sqrt(np.sum(rest**2) / (len(x) - 2) / spread_x)))


def _thirds(lags: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    """Mean lag in the first and in the last third of the time."""
    if not lags:
        return None, None
    first_s, last_s = lags[0][0], lags[-1][0]
    third = (last_s - first_s) / 3
    parts = [lag for at, lag in lags if at < first_s + third], [lag for at, lag in lags if at >= last_s - third]
    return _rounded(np.mean(parts[0]) if parts[0] else None), _rounded(np.mean(parts[1]))


def _share(those: Iterable[bool]) -> float:
    every = list(those)
    return round(sum(every) / max(1, len(every)), 4)


def _wer(figures: Sequence[Figures]) -> float:
    return round(100 * sum(one.errors for one in figures) / max(1, sum(one.words for one in figures)), 2)


def _rounded(number: Any) -> float | None:
    return None if number is None else round(float(number), 3)
