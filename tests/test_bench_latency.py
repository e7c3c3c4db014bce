"""Calls that were cut give no latencies, and few values no p99."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks import latency
from benchmarks.latency import play_together, without_rare_p99
from pipelines.commands.demo import AGENTS
from pipelines.demo import DemoCall
from pipelines.scorecard import percentiles
from server import Engine

ENGINE = cast(
    Engine,
    SimpleNamespace(
        web=SimpleNamespace(url="http://127.0.0.1"),
        logins=[SimpleNamespace(login=name, password="") for name in AGENTS.values()],
    ),
)
CALLS = cast(list[DemoCall], [SimpleNamespace(script=SimpleNamespace(campaign=name)) for name in ("sales", "care")])


class Desk:
    """Sees as many calls end as it is told."""

    ends = 1

    def __init__(self, *_: str) -> None:
        self.seen = ["a fact"]

    async def __aenter__(self) -> "Desk":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def wait_ended(self, calls: int, _: float) -> bool:
        return self.ends >= calls


def play(monkeypatch: pytest.MonkeyPatch, reasons: list[str], ends: int) -> None:
    async def play_demo(*_: Any) -> str:
        return reasons.pop()

    monkeypatch.setattr(latency, "play_demo", play_demo)
    monkeypatch.setattr(latency, "Follower", Desk)
    monkeypatch.setattr(Desk, "ends", ends)


async def test_calls_that_are_whole_give_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, ["bye", "bye"], 1)
    assert len(await play_together(ENGINE, CALLS)) == 2


@pytest.mark.parametrize(
    ("reasons", "ends", "why"),
    [(["bye", "remote bye"], 1, "1 of 2 calls were cut: remote bye"), (["bye", "bye"], 0, "did not see 1 calls end")],
)
async def test_a_call_that_is_cut_or_not_seen_to_end_gives_no_figure(
    reasons: list[str], ends: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, reasons, ends)
    with pytest.raises(RuntimeError, match=why):
        await play_together(ENGINE, CALLS)


def test_p99_is_of_a_hundred_at_least() -> None:
    assert "p99" in without_rare_p99(percentiles([1.0] * 100))
    assert set(without_rare_p99(percentiles([1.0] * 99))) == {"p50", "p95", "worst", "n"}
    assert without_rare_p99(percentiles([])) == {}
