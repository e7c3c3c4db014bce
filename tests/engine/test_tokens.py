"""Which masked words may be read again, and when no more."""

import pytest

from engine.facts import CallEvent, Fact, Insight, Transcript
from engine.tokens import READABLE, Token, may_have, still_holds
from models.privacy.entities import TYPE_OF


def entity(entity_type: str = "PHONE") -> Insight:
    return Insight(call_id="call-1", seq=7, kind="entity", turn=3, entity_type=entity_type, start=10, end=30)


def event(name: str, **data: object) -> CallEvent:
    return CallEvent(call_id="call-1", seq=9, name=name, data=data)  # type: ignore[arg-type]


def settled(*masks: tuple[int, int, str], turn: int = 3) -> CallEvent:
    spans = [{"start": start, "end": end, "label": label} for start, end, label in masks]
    return event("text.settled", turn=turn, text="", masks=spans)


def test_the_list_is_closed() -> None:
    assert set(TYPE_OF.values()) - READABLE == {"CARD", "CVV", "CARD_EXPIRY", "PERSON"}
    assert READABLE - set(TYPE_OF.values()) == set()
    assert all(may_have(entity(one)) for one in READABLE)


@pytest.mark.parametrize(
    "entity_type", ["CARD", "CVV", "CARD_EXPIRY", "PERSON", "NUMBER", "number", "phone", "", "PIN"]
)
def test_nothing_else_may_have_one(entity_type: str) -> None:
    assert not may_have(entity(entity_type))


def test_facts_that_are_no_entities_have_none() -> None:
    mood = Insight(call_id="call-1", seq=7, kind="mood", turn=3, entity_type="PHONE")
    said = Transcript(call_id="call-1", seq=7, turn=7, text="[phone]")
    assert not any(may_have(fact) for fact in (mood, said, event("call.held")))


@pytest.mark.parametrize(
    ("later", "holds"),
    [
        (event("withdrawn", of=[6, 7]), False),
        (event("withdrawn", of=[6]), True),
        (settled((10, 30, "phone")), True),
        (settled((2, 30, "email"), (40, 44, "number")), True),
        (settled(), False),
        (settled((30, 40, "phone")), False),
        (settled((5, 30, "card")), False),
        (settled((5, 30, "number")), False),
        (settled(turn=4), True),
    ],
)
def test_what_is_taken_back_is_not_read_any_more(later: Fact, holds: bool) -> None:
    assert still_holds(entity(), [later]) is holds


def test_a_value_is_not_printed() -> None:
    assert "310" not in f"{Token(7, '3104567890')} {[Token(7, '3104567890')]}"
