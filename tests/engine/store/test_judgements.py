"""Scores and judgements stand beside the facts that say them, and go with them."""

from typing import Any

import msgspec
import pytest

from engine.errors import NotFound
from engine.facts import CallEvent, EventName
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.store import feedback as feedback_module
from engine.store.scores import Average
from tests.engine.ended_call import ended_call


def event(seq: int, name: EventName, call_id: str = "call-1", **data: Any) -> CallEvent:
    return CallEvent(call_id=call_id, seq=seq, name=name, data={"by": "user-ana", "role": "agent", **data})


async def test_the_newest_judgement_of_one_thing_counts_and_what_was_shown_stands_beside_it(
    store: Store, record: CallRecord
) -> None:
    other = msgspec.structs.replace(record, call_id="call-2")
    for call in (record, other):
        await store.calls.open(call)
        await store.calls.append(call, ended_call(call.call_id))
    judged: dict[str, Any] = {"of": 4, "rule": "CO-2300-WHY", "version": "2", "reason": ""}
    await store.calls.append(record, [event(9, "alert.judged", verdict="wrong", **judged)])
    await store.calls.append(record, [event(10, "alert.judged", verdict="right", **judged)])
    await store.calls.append(other, [event(9, "alert.judged", "call-2", verdict="wrong", **judged)])
    await store.calls.append(record, [event(11, "card.accepted", of=3, article="payment-plan")])
    found = {(one.kind, one.subject): one for one in await store.feedback.tallies(record.organisation_id)}
    alert, card = found["alert", "CO-2300-WHY"], found["card", "payment-plan"]
    assert (alert.shown, alert.right, alert.wrong, alert.precision) == (2, 1, 1, 0.5)
    assert (card.shown, card.accepted, card.precision) == (2, 1, 1.0)
    assert [one.kind for one in await store.feedback.tallies(record.organisation_id, kind="card")] == ["card"]
    assert await store.feedback.tallies("another") == []
    assert await store.feedback.tallies(record.organisation_id, since=4e9) == []


async def test_each_version_of_a_rule_is_counted_apart(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    await store.calls.append(record, ended_call())
    mended = msgspec.structs.replace(ended_call()[3], seq=9, rule_version="3")
    judged: dict[str, Any] = {"of": 4, "rule": "CO-2300-WHY", "version": "2", "reason": ""}
    await store.calls.append(record, [mended, event(10, "alert.judged", verdict="wrong", **judged)])
    found = await store.feedback.tallies(record.organisation_id, kind="alert")
    assert [(one.version, one.shown, one.precision) for one in found] == [("2", 1, 0.0), ("3", 1, None)]


async def test_what_is_set_back_to_open_takes_back_the_judgement_before_it(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    await store.calls.append(record, ended_call())
    about: dict[str, Any] = {"of": 6, "form": "collections", "version": 0, "item": "notice", "engine": "yes"}
    score = {"form": "collections", "version": 0, "score": 50.0, "passed": False, "failed_by": []}
    reviews = [("yes", "no"), ("no", "open")]
    for seq, (before, after) in enumerate(reviews, 9):
        told = event(seq, "qa.reviewed", **about, before=before, after=after, reason="", score=score)
        await store.calls.append(record, [told])
    assert [one for one in await store.feedback.tallies(record.organisation_id) if one.kind == "quality"] == []
    assert [one async for one in store.feedback.judged(record.organisation_id)] == []


async def test_judgements_are_taken_out_oldest_first_page_by_page(
    store: Store, record: CallRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback_module, "PAGE", 2)
    other = msgspec.structs.replace(record, call_id="call-2")
    judged: dict[str, Any] = {"of": 4, "rule": "CO-2300-WHY", "version": "2", "reason": ""}
    for call in (record, other):
        await store.calls.open(call)
        await store.calls.append(call, ended_call(call.call_id))
        await store.calls.append(call, [event(9, "alert.judged", call.call_id, verdict="wrong", **judged)])
    await store.calls.append(record, [event(10, "alert.judged", verdict="right", **judged)])
    await store.calls.append(other, [event(10, "card.accepted", "call-2", of=3, article="payment-plan")])
    found = [one async for one in store.feedback.judged(record.organisation_id)]
    assert [(one.call_id, one.seq, one.verdict) for one in found] == [
        ("call-2", 9, "wrong"), ("call-1", 10, "right"), ("call-2", 10, "accepted"),
    ]  # fmt: skip
    assert [one async for one in store.feedback.judged("another")] == []


async def test_judgements_of_a_call_that_is_erased_meanwhile_give_none_of_another_organisation(
    store: Store, record: CallRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback_module, "PAGE", 1)
    other = await store.people.add_organisation("Other", 1.0)
    calls = [msgspec.structs.replace(record, call_id=call_id, ended_at=1.0) for call_id in ("call-1", "call-2")]
    calls.append(msgspec.structs.replace(calls[0], call_id="call-3", organisation_id=other))

    async def judge(call: CallRecord) -> None:
        judged = event(9, "alert.judged", call.call_id, of=4, rule="CO-2300-WHY", version="2", verdict="wrong")
        await store.calls.open(call)
        await store.calls.append(call, [*ended_call(call.call_id), judged])

    await judge(calls[0])
    await judge(calls[1])
    judgements = store.feedback.judged(record.organisation_id)
    assert (await anext(judgements)).call_id == "call-1"
    await store.calls.erase(record.organisation_id, "call-2", "user-root", 2.0)
    await judge(calls[2])  # on SQLite with the row numbers of the erased call's
    assert [one async for one in judgements] == []


async def test_a_score_is_listed_and_filtered_as_it_was_reviewed(store: Store, record: CallRecord) -> None:
    await store.calls.open(msgspec.structs.replace(record, agent_id="user-ana", agent_name="Ana"))
    await store.calls.append(record, ended_call())
    (scored,) = await store.scores.find(record.organisation_id)
    assert (scored.score, scored.passed, scored.open, scored.reviewed) == (100.0, True, 1, False)
    assert (scored.agent_name, scored.form) == ("Ana", "collections")
    after = {"form": "collections", "version": 0, "score": 50.0, "passed": False, "failed_by": ["notice"]}
    told: dict[str, Any] = {
        "of": 6,
        "form": "collections",
        "version": 0,
        "item": "notice",
        "before": "yes",
        "after": "no",
    }
    await store.calls.append(record, [event(9, "qa.reviewed", **told, reason="no lo dijo", score=after)])
    (scored,) = await store.scores.find(record.organisation_id, reviewed=True, passed=False, open=False)
    assert (scored.score, scored.failed) == (50.0, True)
    assert await store.scores.find(record.organisation_id, passed=True) == []
    assert await store.scores.find(record.organisation_id, open=True) == []
    assert await store.scores.find(record.organisation_id, agent_id="user-ben") == []
    assert await store.scores.find(record.organisation_id, campaign="sales") == []
    assert await store.scores.find(record.organisation_id, before=record.started_at) == []
    assert await store.scores.find("another") == []


async def test_a_call_without_a_score_neither_passed_nor_failed(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    unscored: dict[str, Any] = {"form": "collections", "version": 0, "pass_score": 80.0, "items": [], "open": 1}
    await store.calls.append(record, [event(1, "qa.scored", **unscored)])
    (listed,) = await store.scores.find(record.organisation_id)
    assert (listed.score, listed.passed) == (None, None)
    for passed in (True, False):
        assert await store.scores.find(record.organisation_id, passed=passed) == []


async def test_scores_are_averaged_by_agent_and_by_campaign(store: Store, record: CallRecord) -> None:
    ana = msgspec.structs.replace(record, agent_id="user-ana", agent_name="Ana")
    later = msgspec.structs.replace(ana, call_id="call-2", campaign="sales", started_at=record.started_at + 100)
    for call in (ana, later):
        await store.calls.open(call)
        await store.calls.append(call, ended_call(call.call_id))
    scored: dict[str, Any] = {"form": "collections", "version": 0}
    told = scored | {"of": 6, "item": "empathy", "before": "open", "after": "no", "reason": "no escuchó"}
    await store.calls.append(later, [event(9, "qa.reviewed", "call-2", **told, score=scored | {"score": 49.5})])
    idle = msgspec.structs.replace(later, call_id="call-3")
    await store.calls.open(idle)
    await store.calls.append(idle, [event(1, "qa.scored", "call-3", **scored)])
    (agent,) = await store.scores.averages(record.organisation_id, "agent")
    assert agent == Average("user-ana", "Ana", calls=3, scored=2, passed=1, open=1, reviewed=1, score=74.8)
    campaigns = await store.scores.averages(record.organisation_id, "campaign")
    assert [(one.subject, one.name, one.calls, one.score) for one in campaigns] == [
        ("collections", "", 1, 100.0),
        ("sales", "", 2, 49.5),
    ]
    since = record.started_at + 1
    (sales,) = await store.scores.averages(record.organisation_id, "campaign", since=since)
    assert sales == campaigns[1]
    assert await store.scores.averages("another", "agent") == []


async def test_what_people_judged_goes_with_the_call(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    await store.calls.append(record, ended_call())
    await store.calls.change(msgspec.structs.replace(record, ended_at=1.0))
    await store.calls.erase(record.organisation_id, record.call_id, "user-root", 2.0)
    assert await store.feedback.tallies(record.organisation_id) == []
    assert await store.scores.find(record.organisation_id) == []
    with pytest.raises(NotFound):
        await store.calls.newest(record.organisation_id, record.call_id)


async def test_no_word_of_a_wrap_up_or_a_reason_is_on_disk_in_clear(
    store: Store, record: CallRecord, settings: Settings
) -> None:
    await store.calls.open(record)
    await store.calls.append(record, ended_call())
    confirmed: dict[str, Any] = {
        "summary": "cuotas mensuales",
        "disposition": "callback",
        "follow_ups": [],
        "edited": ["summary"],
    }
    more: dict[str, Any] = {"of": 7, "proposed": "promise_to_pay", "campaign": "collections"}
    await store.calls.append(record, [event(9, "wrap_up.confirmed", **confirmed, **more)])
    await store.calls.change(msgspec.structs.replace(record, ended_at=1.0))
    for file in settings.data_dir.rglob("*"):
        assert not file.is_file() or b"cuotas" not in file.read_bytes(), file.name


async def test_forms_are_kept_version_by_version(store: Store, organisation: str) -> None:
    for source in ("one", "two"):
        await store.forms.add(organisation, "own", source, "user-root", 1.0)
    await store.forms.add(organisation, "other", "three", "user-root", 1.0)
    newest = await store.forms.newest(organisation)
    assert [(one.form, one.version, one.source) for one in newest] == [("other", 1, "three"), ("own", 2, "two")]
    assert (await store.forms.get(organisation, "own", 1)).source == "one"
    with pytest.raises(NotFound):
        await store.forms.get("another", "own", 1)


async def test_training_is_off_until_somebody_allows_it(store: Store, organisation: str) -> None:
    assert not await store.feedback.may_train(organisation)
    await store.feedback.let_train(organisation, True)
    assert await store.feedback.may_train(organisation)
    with pytest.raises(NotFound):
        await store.feedback.may_train("another")
