"""Rows say what people said: nothing that somebody calls wrong, and no outcome of words that did not speak for it."""

from typing import Any

import pytest

from engine.facts import CallEvent, Fact, Insight, Transcript
from engine.store.feedback import Judged
from pipelines.training_rows import Acts, CallWords, rows_of

ACTS: dict[str, Acts] = {rule: {"violation": frozenset({act})} for rule, act in (("A", "threat"), ("B", "obscenity"))}
SAID = "Mi internet no funciona y llámeme luego."


def judged(kind: str, seq: int = 9, of: int = 0, verdict: str = "wrong", **more: Any) -> Judged:
    about = {"call_id": "call-1", "language": "es", "campaign": "care", "subject": "A", "role": "agent"} | more
    return Judged(id=seq, seq=seq, of=of, kind=kind, verdict=verdict, **about)


def alert(seq: int, rule: str) -> Insight:
    return Insight(call_id="call-1", seq=seq, kind="compliance", turn=1, rule=rule, outcome="violation")


def verdict(seq: int, of: int, said: str) -> CallEvent:
    return CallEvent(call_id="call-1", seq=seq, name="alert.judged", data={"of": of, "verdict": said})


def spoken(turn: int = 1, text: str = SAID) -> Transcript:
    return Transcript(call_id="call-1", seq=turn, turn=turn, text=text, leg="customer", language="es")


@pytest.mark.parametrize(
    ("of_a", "of_b", "rows"),
    [
        ("wrong", "wrong", [[], []]),
        ("wrong", "right", [["obscenity"], ["obscenity"]]),
        ("right", "right", [["obscenity", "threat"]] * 2),
    ],
)
def test_what_somebody_calls_wrong_is_in_no_row_of_the_turn(of_a: str, of_b: str, rows: list[list[str]]) -> None:
    facts: list[Fact] = [spoken(), alert(2, "A"), alert(3, "B"), verdict(9, 2, of_a), verdict(10, 3, of_b)]
    words = CallWords(facts, "es")
    told = [judged("alert", 9, 2, of_a), judged("alert", 10, 3, of_b)]
    assert [row["acts"] for one in told for row in rows_of(one, words, ACTS)] == rows


def test_the_newest_verdict_counts() -> None:
    facts: list[Fact] = [spoken(), alert(2, "A"), alert(3, "B"), verdict(9, 3, "wrong"), verdict(10, 3, "right")]
    (row,) = rows_of(judged("alert", 11, 2), CallWords(facts, "es"), ACTS)
    assert row["acts"] == ["obscenity"]
