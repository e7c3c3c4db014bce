"""Calls that a killed engine left are reviewed from what is stored of them."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.facts import CallEvent, Fact, Transcript, decode
from engine.ports.intake import CallEnded, MediaEvent, MediaNotice
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.vault import Vault
from models.compliance import load_detectors, load_rules
from models.review import bundled_forms, form_for
from pipelines.cut_off import review_cut_off, reviewed
from pipelines.replay import context_of
from pipelines.understanding import Understanding
from tests.fakes import FakeReader, FakeSession, FakeSink
from tests.pipelines.test_call import CONTEXT, PARTICIPANTS, speech
from tests.pipelines.test_judged_call import Deaf, live_call
from tests.pipelines.test_replay import facts_of, script
from tests.pipelines.test_review import events

DAY = datetime.datetime(2026, 11, 27, 15, tzinfo=datetime.UTC).timestamp()
MODELS = Understanding(FakeReader(), load_rules(), load_detectors())


def data_of(facts: Sequence[Fact], name: str) -> dict[str, Any]:
    return events(list(facts), name)[-1].data


@pytest.mark.parametrize("language", ["es", "en", "pt"])
async def test_what_is_stored_says_what_the_call_would_have_said_at_its_end(language: str) -> None:
    call = script(language)
    *whole, _ended = await facts_of(call)
    heard, said = whole[:-3], whole[-3:]
    context = context_of(call)
    made = await reviewed(heard, context, MODELS, form_for(bundled_forms(), context.campaign))
    assert [fact.seq for fact in made] == [fact.seq for fact in said]
    assert data_of(made, "wrap_up.proposed") == data_of(said, "wrap_up.proposed")
    assert figures(made) == figures(said)
    ours, theirs = (answers(facts) for facts in (made, said))
    assert {item: answer for item, answer in ours.items() if answer != "open"}.items() <= theirs.items()
    assert {"yes", "open"} <= set(ours.values())


def figures(facts: Sequence[Fact]) -> dict[str, Any]:
    """But for the pace: a mask counts as one word."""
    talk: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(data_of(facts, "talk.measured")))
    for leg in talk["legs"].values():
        del leg["words"], leg["words_per_minute"]
    return talk


def answers(facts: Sequence[Fact]) -> dict[str, str]:
    return {item["item"]: item["answer"] for item in data_of(facts, "qa.scored")["items"]}


async def test_what_was_not_done_before_the_cut_is_open_and_no_fault() -> None:
    call = script("es")
    facts = await facts_of(call)
    first = facts[: 1 + next(place for place, fact in enumerate(facts) if isinstance(fact, Transcript))]
    context = context_of(call)
    made = await reviewed(first, context, MODELS, form_for(bundled_forms(), context.campaign))
    assert "no" not in answers(made).values()


async def test_a_call_that_was_taken_up_in_its_middle_missed_no_opening() -> None:
    whole = script("es")
    call = msgspec.structs.replace(whole, segment="mid", turns=whole.turns[2:])
    for answer, facts in (("open", await facts_of(call)), ("no", (await facts_of(call))[1:])):
        made = await reviewed(facts[:-3], context_of(whole), MODELS, form_for(bundled_forms(), call.campaign))
        assert answers(made)["recording_notice"] == answer


async def test_music_and_lost_words_are_what_they_were_while_the_call_was_live() -> None:
    sink = FakeSink()
    said: list[MediaEvent] = [
        *speech("2", 0, 1_000, 3_000, "started", "ended"),
        *speech("2", 1, 5_000, 20_000, "started", "ended"),
        MediaNotice(25_000, "music.started", "1"),
        MediaNotice(205_000, "music.ended", "1"),
        CallEnded(206_000, "bye"),
    ]
    people = (PARTICIPANTS[0], msgspec.structs.replace(PARTICIPANTS[1], aor="1001@pbx"))
    ears = Deaf({("2", 0): "Good morning, how can I help you?", ("2", 1): ""})
    await live_call(FakeSession(said, people), ears, sink).serve()
    *heard, measured, scored, _proposed, _ended = sink.facts
    context = msgspec.structs.replace(CONTEXT, language="en")
    made = await reviewed(heard, context, MODELS, form_for(bundled_forms(), "care"))
    theirs, ours = (data_of(facts, "talk.measured") for facts in ([measured], made))
    assert ours["dead_air_ms"] == theirs["dead_air_ms"] == 0
    assert answers([scored])["recording_notice"] == answers(made)["recording_notice"] == "open"


class Cut:
    """A store of an engine that was killed in a call, and the one after it."""

    def __init__(self, store: Store, record: CallRecord) -> None:
        self.store, self.record, self.sink = store, record, StoredSink(store)

    async def review(self, now: float) -> list[str]:
        """What is added, by name."""
        before = len(await self.facts())
        await review_cut_off(self.store, self.sink, MODELS, lambda routing: None, now)
        return [fact.name for fact in (await self.facts())[before:] if isinstance(fact, CallEvent)]

    async def facts(self) -> list[Fact]:
        bodies = await self.store.calls.all_facts(self.record.organisation_id, self.record.call_id)
        return [decode(body) for body in bodies]


class StoredSink(FakeSink):
    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: object = ()) -> None:
        await self.store.calls.append(record, facts)


async def cut(folder: Path, facts: Sequence[Fact]) -> Cut:
    settings, vault = Settings(data_dir=folder), Vault(bytes(range(32)), "the test")
    killed = await Store.open(settings, vault)
    organisation = await killed.people.add_organisation("Acme", 1.0)
    record = CallRecord(facts[0].call_id, organisation, "c", "collections", "outbound", "es", "CO", started_at=DAY)
    await killed.calls.open(record)
    await killed.calls.append(record, facts)
    await killed.close()
    store = await Store.open(settings, vault)
    return Cut(store, await store.calls.get(organisation, record.call_id))


def confirmed(record: CallRecord, seq: int) -> CallEvent:
    """A wrap-up that a person wrote."""
    data = {"summary": "Paga.", "disposition": "promise_to_pay", "proposed": "", "follow_ups": [], "of": 0}
    data |= {"edited": ["summary", "disposition"], "by": "ana", "role": "agent", "campaign": record.campaign}
    return CallEvent(call_id=record.call_id, seq=seq, name="wrap_up.confirmed", data=data)


async def test_each_is_reviewed_once_and_soon(tmp_path: Path) -> None:
    it = await cut(tmp_path, (await facts_of(script("es")))[:20])
    assert await it.review(it.record.ended_at + 8 * 86_400) == []
    assert await it.review(it.record.ended_at + 60) == ["talk.measured", "wrap_up.proposed"]
    facts = await it.facts()
    assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1))
    assert await it.review(it.record.ended_at + 60) == []
    await it.store.close()


async def test_what_a_person_has_confirmed_is_not_proposed_again(tmp_path: Path) -> None:
    it = await cut(tmp_path, (await facts_of(script("es")))[:20])
    await it.store.calls.append(it.record, [confirmed(it.record, len(await it.facts()) + 1)])
    assert await it.review(it.record.ended_at + 60) == ["talk.measured"]
    await it.store.close()


async def test_a_wrap_up_that_is_confirmed_meanwhile_is_seen(tmp_path: Path) -> None:
    it = await cut(tmp_path, (await facts_of(script("es")))[:20])

    class Hasty(StoredSink):
        async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: object = ()) -> None:
            if not self.facts:
                self.facts.append(confirmed(record, facts[0].seq))
                await self.store.calls.append(record, self.facts)
            await super().publish(record, facts)

    it.sink = Hasty(it.store)
    assert await it.review(it.record.ended_at + 60) == ["wrap_up.confirmed", "talk.measured"]
    await it.store.close()
