"""What people may judge of a live call."""

import pytest

from engine.facts import CallEvent, Insight, Suggestion
from engine.ports.desk import DeskCommand, Person
from pipelines.judgeable import Judgeable

SOFIA = Person("user-sofia", "org", "Sofia", "supervisor")


def alert(seq: int) -> Insight:
    return Insight(call_id="call-1", seq=seq, kind="compliance", turn=1, rule="R", outcome="event")


def card(seq: int) -> Suggestion:
    return Suggestion(call_id="call-1", seq=seq, turn=1, article="bills", title="Bills", body="", score=0.9)


@pytest.mark.parametrize("verdict", ["right", "wrong"])
def test_what_was_taken_back_is_judged_no_more(verdict: str) -> None:
    judgeable = Judgeable()
    for fact in (alert(1), card(2), alert(3), card(4)):
        judgeable.follow(fact)
    judgeable.follow(CallEvent(call_id="call-1", seq=5, name="withdrawn", data={"of": [1, 2], "reason": "gone_on"}))
    judged = [judgeable.alert(SOFIA, DeskCommand("judge", "call-1", seq=seq, action=verdict)) for seq in (1, 3)]
    assert [one and one["of"] for one in judged] == [None, 3]
    used = [judgeable.card(SOFIA, DeskCommand("card", "call-1", seq=seq, action="accepted")) for seq in (2, 4)]
    assert [one and one["of"] for one in used] == [None, 4]
