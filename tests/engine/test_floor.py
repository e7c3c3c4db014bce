"""The wallboard's reducer."""

from typing import Literal

import msgspec
import pytest

from engine import floor
from engine.facts import CallEvent, EventName, Insight, Leg, Transcript
from engine.feedback import alert_judged
from engine.ports.desk import Person
from engine.ports.storage import CallRecord

RECORD = CallRecord("call-1", "org", "campaign", "sales", "inbound", "en", "US", started_at=3.0)


def alert(seq: int, outcome: str = "violation") -> Insight:
    return msgspec.convert(
        {"type": "insight", "id": "call-1", "seq": seq, "kind": "compliance", "turn": 1, "rule": f"R{seq}"}
        | {"outcome": outcome, "severity": "warning", "end_ms": seq * 100},
        Insight,
    )


def mood(value: str, lean: float, leg: Leg = "customer") -> Insight:
    return Insight(call_id="call-1", seq=9, kind="mood", turn=1, value=value, score=0.8, lean=lean, leg=leg)


def judged(of: Insight, verdict: str, role: Literal["agent", "supervisor"], seq: int) -> CallEvent:
    said = alert_judged(of, Person("user-1", "org", "Ana", role), verdict, "")
    return CallEvent(call_id="call-1", seq=seq, name="alert.judged", data=said)


def test_alerts_come_and_are_withdrawn() -> None:
    tile = floor.tile(RECORD)
    for fact in (alert(1), alert(2, "satisfied"), alert(3, "event"), alert(4, "undecided")):
        tile = floor.reduce(tile, fact)
    assert tile.alerts == (
        floor.Alert("R1", "violation", 1, "warning", 100),
        floor.Alert("R3", "event", 3, "warning", 300),
    )
    assert tile.last_at_ms == 400
    withdrawn = CallEvent(call_id="call-1", seq=5, name="withdrawn", data={"of": [1], "reason": "role"})
    assert [one.seq for one in floor.reduce(tile, withdrawn).alerts] == [3]


def test_alerts_are_bounded_to_the_newest() -> None:
    tile = floor.tile(RECORD)
    for seq in range(1, 100):
        tile = floor.reduce(tile, alert(seq))
    assert len(tile.alerts) == floor.ALERTS_SHOWN
    assert tile.alerts[-1].seq == 99


def test_of_too_many_alerts_notices_go_before_violations() -> None:
    tile = floor.tile(RECORD)
    for seq in range(1, 4):
        tile = floor.reduce(tile, alert(seq))
    for seq in range(4, 100):
        tile = floor.reduce(tile, alert(seq, "event"))
    assert [one.seq for one in tile.alerts] == [1, 2, 3, *range(83, 100)]


def test_an_alert_that_a_supervisor_found_wrong_leaves_the_tile() -> None:
    tile = floor.reduce(floor.reduce(floor.tile(RECORD), alert(1)), alert(2))
    right = judged(alert(1), "right", "supervisor", seq=3)
    wrong = judged(alert(2), "wrong", "supervisor", seq=4)
    assert [one.seq for one in floor.reduce(floor.reduce(tile, right), wrong).alerts] == [1]


def test_an_agent_neither_takes_an_alert_off_the_tile_nor_puts_one_back() -> None:
    tile = floor.reduce(floor.tile(RECORD), alert(1))
    assert floor.reduce(tile, judged(alert(1), "wrong", "agent", seq=2)).alerts == tile.alerts
    gone = floor.reduce(tile, judged(alert(1), "wrong", "supervisor", seq=3))
    assert floor.reduce(gone, judged(alert(1), "right", "agent", seq=4)).alerts == ()


def test_an_alert_that_was_found_wrong_and_then_right_is_back_in_its_place() -> None:
    first, second = alert(1), alert(2)
    before = floor.reduce(floor.reduce(floor.tile(RECORD), first), second)
    tile = before
    for seq, verdict in enumerate(("wrong", "wrong", "right", "right"), 3):
        tile = floor.reduce(tile, judged(first, verdict, "supervisor", seq))
        assert [one.seq for one in tile.alerts] == ([2] if verdict == "wrong" else [1, 2])
    assert tile.alerts == before.alerts


def test_the_mood_is_the_customer_s() -> None:
    tile = floor.tile(RECORD)
    assert tile.mood == "", "nobody has spoken"
    tile = floor.reduce(tile, mood("negative", -0.6))
    tile = floor.reduce(tile, mood("positive", 0.9, "agent"))
    assert (tile.mood, tile.mood_score, tile.mood_lean) == ("negative", 0.8, -0.6)


def test_a_mood_that_was_another_s_leaves_the_tile() -> None:
    tile = floor.reduce(floor.tile(RECORD), mood("negative", 0.6))
    other = CallEvent(call_id="call-1", seq=10, name="withdrawn", data={"of": [3, 4], "reason": "role_changed"})
    assert floor.reduce(tile, other).mood == "negative"
    taken = CallEvent(call_id="call-1", seq=11, name="withdrawn", data={"of": [8, 9], "reason": "role_changed"})
    gone = floor.reduce(tile, taken)
    assert (gone.mood, gone.mood_score) == ("", 0.0)


def test_states_and_claims() -> None:
    tile = floor.tile(RECORD)
    assert tile.unclaimed
    held = floor.reduce(tile, CallEvent(call_id="call-1", seq=1, name="call.held"))
    assert held.state == "held"
    assert floor.reduce(held, CallEvent(call_id="call-1", seq=2, name="call.resumed")).state == "live"
    claimed = floor.changed(held, msgspec.structs.replace(RECORD, agent_id="u", agent_name="Ana"))
    assert (claimed.unclaimed, claimed.agent_name, claimed.state) == (False, "Ana", "held")
    assert floor.changed(claimed, msgspec.structs.replace(RECORD, ended_at=9.0)).state == "ended"


def test_how_it_is_talked_and_that_nobody_speaks() -> None:
    tile = floor.tile(RECORD)
    assert (tile.agent_share, tile.silent) == (None, False)
    measured = {"legs": {"agent": {"share": 0.64}, "customer": {"share": 0.36}}}
    tile = floor.reduce(tile, CallEvent(call_id="call-1", seq=1, name="talk.measured", data=measured))
    tile = floor.reduce(tile, CallEvent(call_id="call-1", seq=2, name="dead_air", data={"since_ms": 1}))
    assert (tile.agent_share, tile.silent) == (0.64, True)
    tile = floor.reduce(tile, Transcript(call_id="call-1", seq=3, turn=3, text="Hello"))
    assert (tile.agent_share, tile.silent) == (0.64, False)


@pytest.mark.parametrize("name", ["call.held", "call.resumed", "music.started", "music.ended"])
def test_hold_and_music_end_a_silence(name: EventName) -> None:
    tile = floor.reduce(floor.tile(RECORD), CallEvent(call_id="call-1", seq=1, name="dead_air", data={"since_ms": 1}))
    assert tile.silent
    assert not floor.reduce(tile, CallEvent(call_id="call-1", seq=2, name=name)).silent
