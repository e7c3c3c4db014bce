"""Which facts are judgements, and what they judge."""

from typing import Any

import pytest

from engine.facts import CallEvent, EventName
from engine.feedback import judgements_of, tally
from tests.engine.ended_call import ended_call


def said(name: EventName, **data: Any) -> list[tuple[str, str, str]]:
    event = CallEvent(call_id="x", seq=9, name=name, data={"of": 4, "by": "u", "role": "agent", **data})
    return [(one.kind, one.subject, one.verdict) for one in judgements_of(event)]


def test_what_was_shown_can_be_judged() -> None:
    shown = [(one.kind, one.subject, one.of) for fact in ended_call() for one in judgements_of(fact)]
    assert shown == [("card", "payment-plan", 3), ("alert", "CO-2300-WHY", 4)]


def test_cards_and_alerts() -> None:
    assert said("card.wrong", article="plan") == [("card", "plan", "wrong")]
    assert said("card.accepted") == []  # of a card that the call no longer knew
    assert said("alert.judged", rule="R", version="2", verdict="right") == [("alert", "R", "right")]


@pytest.mark.parametrize(("before", "after", "verdict"), [("yes", "no", "edited"), ("yes", "yes", "accepted")])
def test_a_review_agrees_or_does_not(before: str, after: str, verdict: str) -> None:
    review = {"form": "f", "version": 1, "item": "i", "before": before, "after": after}
    assert said("qa.reviewed", **review) == [("quality", "f/i", verdict)]


def test_an_item_that_only_a_person_answers_judges_nobody() -> None:
    assert said("qa.reviewed", form="f", version=1, item="i", before="open", after="no") == [("quality", "f/i", "open")]


@pytest.mark.parametrize(
    ("engine", "before", "after", "verdict"),
    [
        ("yes", "no", "yes", "accepted"),
        ("yes", "no", "no", "edited"),
        ("open", "yes", "no", "open"),
        ("yes", "yes", "open", "open"),
    ],
)
def test_a_second_review_judges_the_engine_and_not_the_first(
    engine: str, before: str, after: str, verdict: str
) -> None:
    review = {"form": "f", "version": 1, "item": "i", "engine": engine, "before": before, "after": after}
    assert [one for _, _, one in said("qa.reviewed", **review)] == [verdict]


def test_a_wrap_up_part_by_part() -> None:
    found = said("wrap_up.confirmed", proposed="sold", campaign="sales", edited=["summary"])
    assert found == [
        ("disposition", "sold", "accepted"),
        ("summary", "sales", "edited"),
        ("follow_ups", "sales", "accepted"),
    ]


def test_a_wrap_up_that_nobody_proposed_judges_nothing() -> None:
    assert said("wrap_up.confirmed", of=0, proposed="", campaign="sales", edited=[]) == []


def test_a_wrap_up_without_a_proposed_disposition_judges_none() -> None:
    assert ("disposition", "", "edited") not in said("wrap_up.confirmed", proposed="", campaign="sales", edited=[])


def test_precision_is_of_what_people_judged() -> None:
    assert tally("alert", "R", {"shown": 9}).precision is None
    assert tally("alert", "R", {"shown": 9, "right": 3, "wrong": 1}).precision == 0.75
