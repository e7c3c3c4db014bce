"""Rows say what people said: nothing that somebody calls wrong, and no outcome of words that did not speak for it."""

from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from engine.facts import CallEvent, Evidence, Fact, Insight, Transcript, encode
from engine.ports.storage import CallRecord
from engine.store.feedback import Judged
from models.compliance import Rule
from pipelines import training_rows as module
from pipelines.training_rows import Acts, CallWords, rows_of, training_rows

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


def final(seq: int, stream: str, text: str, start_ms: int, end_ms: int) -> Transcript:
    return Transcript(
        call_id="call-1", seq=seq, turn=seq, stream=stream, text=text, language="es", start_ms=start_ms, end_ms=end_ms
    )


@pytest.mark.parametrize(
    ("start_ms", "between", "said"),
    [
        (2_700, [], "Le dije que no quiero que me vuelvan a llamar."),
        (2_700, [final(2, "a", "Ajá.", 1_000, 1_500)], "Le dije que no quiero que me vuelvan a llamar."),
        (3_900, [final(2, "a", "¿Cómo dice?", 2_500, 3_500)], "vuelvan a llamar."),
        (9_000, [], "vuelvan a llamar."),
    ],
)
@pytest.mark.parametrize(("begins", "whole"), [(0, True), (8, False)])
def test_a_sentence_that_was_heard_in_two_is_learned_as_one(
    start_ms: int, between: list[Fact], said: str, begins: int, *, whole: bool
) -> None:
    proof = Evidence(turn=3, leg="customer", quote="vuelvan a llamar."[begins:], start=begins, end=17)
    facts: list[Fact] = [
        final(1, "c", "Le dije que no quiero que me.", 0, 2_000),
        *between,
        final(3, "c", "vuelvan a llamar.", start_ms, start_ms + 1_000),
        Insight(call_id="call-1", seq=4, kind="compliance", turn=3, rule="A", outcome="violation", evidence=(proof,)),
    ]
    (row,) = rows_of(judged("alert", 9, 4, "right"), CallWords(facts, "es"), ACTS)
    assert (row["acts"], row["es"]) == (["threat"], [said if whole else "vuelvan a llamar."])


def confirmed(chosen: str, **callback: Any) -> CallWords:
    choices = [
        {"code": "callback", "title": "Volver a llamar", "intent": "callback_request", **callback},
        {"code": "solved", "title": "Resuelto"},
    ]
    reason = {"text": SAID, "turn": 1, "leg": "customer"}
    proposed = {"summary": "", "disposition": "solved", "choices": choices, "reason": reason}
    given = {"summary": "", "disposition": chosen, "follow_ups": [], "by": "user-ana"}
    heard = [("technical_problem", 1), ("callback_request", 2), ("complaint", 2)]
    facts: list[Fact] = [
        spoken(),
        spoken(2, "Esto es un desastre, llámeme luego."),
        *(
            Insight(call_id="call-1", seq=seq, kind="intent", turn=turn, value=intent)
            for seq, (intent, turn) in enumerate(heard, 3)
        ),
        CallEvent(call_id="call-1", seq=7, name="wrap_up.proposed", data=proposed),
        CallEvent(call_id="call-1", seq=8, name="wrap_up.confirmed", data=given),
    ]
    return CallWords(facts, "es")


def test_a_disposition_teaches_the_turn_that_spoke_for_it_with_all_that_was_heard_there() -> None:
    (row,) = rows_of(judged("disposition"), confirmed("callback", turn=2), ACTS)
    assert (row["es"], row["intents"]) == (["Esto es un desastre, llámeme luego."], ["callback_request", "complaint"])


def test_how_a_call_ended_teaches_nothing_of_why_it_began() -> None:
    assert list(rows_of(judged("disposition"), confirmed("callback"), ACTS)) == []
    assert list(rows_of(judged("disposition"), confirmed("solved", turn=2), ACTS)) == []


def test_an_intent_that_was_taken_back_is_in_no_row() -> None:
    back = CallEvent(call_id="call-1", seq=9, name="withdrawn", data={"of": [5], "reason": "role_changed"})
    words = CallWords([*confirmed("callback", turn=2).facts, back], "es")
    (row,) = rows_of(judged("disposition"), words, ACTS)
    assert row["intents"] == ["callback_request"]


def test_nobodys_name_leaves_with_a_row() -> None:
    """Where they gave it, where it was asked for, and where others say or write it."""
    named = "Sí, con Ana Pérez."
    proposed = {"summary": "Ana Pérez no puede pagar.", "follow_ups": [{"text": "Llamar a Pérez", "due": ""}]}
    given = {"summary": "Julián no le creyó a ANA PÉREZ.", "disposition": "", "follow_ups": [], "by": "user-ana"}
    item: dict[str, Any] = {"item": "notice", "title": "", "weight": 1, "answer": "yes"}
    quote = {"turn": 3, "leg": "agent", "quote": "Señora Pérez, la van a embargar.", "start": 0, "end": 32}
    score = {"form": "f", "version": 1, "pass_score": 80, "items": [item | {"evidence": [quote]}]}
    review = {"item": "notice", "before": "yes", "after": "no", "reason": "No se lo dijo a Ana.", "score": score}
    facts: list[Fact] = [
        spoken(1, "Buenos días, le habla Julián Peña. ¿Con quién hablo?"),
        spoken(2, named),
        spoken(3, "Señora Pérez, la van a embargar."),
        Insight(call_id="call-1", seq=4, kind="entity", turn=1, entity_type="PERSON"),
        Insight(call_id="call-1", seq=5, kind="entity", turn=2, entity_type="PERSON"),
        Insight(call_id="call-1", seq=6, kind="compliance", turn=3, rule="A", outcome="violation"),
        CallEvent(call_id="call-1", seq=7, name="wrap_up.proposed", data=proposed),
        CallEvent(call_id="call-1", seq=8, name="qa.scored", data=score),
        CallEvent(call_id="call-1", seq=9, name="qa.reviewed", data=review),
        CallEvent(call_id="call-1", seq=10, name="wrap_up.confirmed", data=given),
    ]
    words = CallWords(facts, "es")
    told = [judged("alert", 11, 6, "right"), *(judged(kind, 9) for kind in ("summary", "follow_ups", "quality"))]
    alert_row, summary, follow_ups, quality = (next(rows_of(one, words, ACTS)) for one in told)
    assert (alert_row["es"], alert_row["acts"]) == (["Señora [person], la van a embargar."], ["threat"])
    assert summary["summary"]["before"] == "[person] no puede pagar."
    assert summary["summary"]["after"] == "[person] no le creyó a [person]."
    assert follow_ups["follow_ups"]["before"] == [{"text": "Llamar a [person]", "due": ""}]
    assert quality["evidence"] == ["Señora [person], la van a embargar."]
    assert quality["reason"] == "No se lo dijo a [person]."


@pytest.mark.parametrize(
    ("said", "names", "left"),
    [
        ("Sí, Marta Ruiz, pero el titular es Pedro Gómez.", 2, "Aló, señora [person], ¿y [person]?"),
        ("Marta Ruiz.", 1, "Aló, señora [person], ¿y Gómez?"),
        ("Aló, habla Marta Ruiz.", 1, "Aló, señora [person], ¿y Gómez?"),
    ],
)
def test_a_name_that_is_given_in_answer_beside_another_leaves_with_no_row(said: str, names: int, left: str) -> None:
    """And nothing else is taken for one."""
    name = Insight(call_id="call-1", seq=2, kind="entity", turn=1, entity_type="PERSON")
    heard = [msgspec.structs.replace(name, seq=2 + number) for number in range(names)]
    assert CallWords([spoken(1, said), *heard], "es").nameless("Aló, señora Ruiz, ¿y Gómez?") == left


@pytest.mark.parametrize("kind", ["alert", "card", "disposition", "summary", "follow_ups", "quality"])
def test_a_call_that_was_erased_gives_no_row(kind: str) -> None:
    assert list(rows_of(judged(kind), CallWords([], "es"), ACTS)) == []


def store_of(
    told: Sequence[Judged], facts: Sequence[Fact], agent_name: str = "", read: Callable[[str], None] = lambda _: None
) -> Any:
    """A store in which every call has these facts; `read` is told which are asked for."""

    async def get(organisation_id: str, call_id: str) -> CallRecord:
        return CallRecord(call_id, organisation_id, "c", "care", "inbound", "es", "CO", agent_name=agent_name)

    async def all_facts(organisation_id: str, call_id: str) -> list[bytes]:
        read(call_id)
        return [encode(fact) for fact in facts]

    async def people_said(organisation_id: str) -> AsyncIterator[Judged]:
        for one in told:
            yield one

    async def may_train(organisation_id: str) -> bool:
        return True

    feedback = SimpleNamespace(judged=people_said, may_train=may_train)
    return SimpleNamespace(feedback=feedback, calls=SimpleNamespace(get=get, all_facts=all_facts))


def no_rules() -> list[Rule]:
    return []


async def test_the_agent_s_name_leaves_with_no_row_though_nobody_said_it() -> None:
    given = {"summary": "Laura Méndez no verificó.", "disposition": "", "follow_ups": [], "by": "user-sofia"}
    facts: list[Fact] = [
        spoken(),
        CallEvent(call_id="call-1", seq=7, name="wrap_up.proposed", data={"summary": "No puede pagar."}),
        CallEvent(call_id="call-1", seq=9, name="wrap_up.confirmed", data=given),
    ]
    store = store_of([judged("summary")], facts, "Laura Méndez")
    (row,) = [msgspec.json.decode(row) async for row in training_rows(store, no_rules)("org")]
    assert row["summary"]["after"] == "[person] no verificó."


async def test_a_call_is_read_once_though_others_are_judged_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    calls = ("call-1", "call-2", "call-3")
    told = [judged("alert", seq, 2, call_id=call_id) for seq in range(9, 13) for call_id in calls]
    store = store_of(told, [spoken(), alert(2, "A")], read=read.append)
    assert [row async for row in training_rows(store, no_rules)("org")] == []
    assert read == ["call-1", "call-2", "call-3"]
    monkeypatch.setattr(module, "CALLS_AT_HAND", 2)
    read.clear()
    assert [row async for row in training_rows(store, no_rules)("org")] == []
    assert len(read) == 12
