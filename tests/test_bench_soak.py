"""What counts as growth in a soak."""

from typing import Any

import pytest

from benchmarks.load.rows import Line
from benchmarks.soak import grows, memory, passes


@pytest.mark.parametrize(
    ("slope", "error", "growing"), [(5.0, 1.0, True), (5.0, 2.0, False), (0.5, 0.01, False), (-5.0, 0.1, False)]
)
def test_a_slope_is_growth_when_it_is_sure_and_large(slope: float, error: float, *, growing: bool) -> None:
    assert grows(Line(slope, error), 1.0) is growing


def test_memory_is_judged_by_process_once_caches_are_full() -> None:
    history: list[dict[str, Any]] = [
        {"at_s": 36.0 * at, "rss_mb": {"ears": 400.0 if at >= 10 else 100.0, "engine": 300.0 + 0.1 * at + at % 2}}
        for at in range(100)
    ]
    found = memory(history)
    assert found["ears"] == {"mb": 400.0, "mb_per_hour": 0.0, "error": 0.0, "grows": False}
    assert found["engine"]["mb_per_hour"] == pytest.approx(10.0, abs=0.5)
    assert found["engine"]["grows"]


def test_a_process_that_came_late_is_judged_from_then_on() -> None:
    history: list[dict[str, Any]] = [
        {"at_s": 36.0 * at, "rss_mb": {"media": 50.0} if at > 95 else {}} for at in range(100)
    ]
    assert memory(history)["media"] == {"mb": 50.0, "mb_per_hour": 0.0, "error": 0.0, "grows": False}


@pytest.mark.parametrize(
    ("sustained", "lag", "ears", "passed"),
    [(True, False, False, True), (False, False, False, False), (True, True, False, False), (True, False, True, False)],
)
def test_an_hour_is_passed_when_nothing_grew_and_every_bound_was_kept(
    *, sustained: bool, lag: bool, ears: bool, passed: bool
) -> None:
    memory = {"engine": {"grows": False}, "ears": {"grows": ears}}
    row = {"sustained": sustained, "lag": {"grows": lag}, "memory": memory}
    assert passes(row) is passed
