"""Calls and facts: durable, sealed, in order, and ended when an engine died."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from engine.errors import Conflict, NotFound, StartupError
from engine.facts import CallEvent, Transcript, decode, encode
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.vault import Vault

SAID = "quiero pagar en tres cuotas"


def said(seq: int, text: str = SAID, call_id: str = "call-1") -> Transcript:
    return Transcript(call_id=call_id, seq=seq, turn=seq, text=text, stream="1", leg="customer", end_ms=seq * 1000)


async def test_facts_come_back_after_a_seq(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    await store.calls.append(record, [said(1), said(2)])
    await store.calls.append(record, [said(3)])
    found = await store.calls.facts_after(record.organisation_id, "call-1", 1)
    assert [seq for seq, _ in found] == [2, 3]
    assert decode(found[0][1]) == said(2)
    assert await store.calls.facts_after(record.organisation_id, "call-1", 3) == []


async def test_all_facts_turn_pages(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    await store.calls.append(record, [said(seq) for seq in range(1, 2_004)])
    facts = await store.calls.all_facts(record.organisation_id, "call-1")
    assert [decode(fact).seq for fact in facts] == list(range(1, 2_004))


async def test_no_word_is_on_disk_in_clear(store: Store, record: CallRecord, settings: Settings) -> None:
    await store.calls.open(record)
    await store.calls.append(record, [said(1)])
    await store.calls.change(msgspec.structs.replace(record, ended_at=1.0))
    files = [file for file in settings.data_dir.rglob("*") if file.is_file()]
    assert any(file.name.endswith("-wal") for file in files)
    for file in files:
        content = file.read_bytes()
        assert b"cuotas" not in content, file.name
        assert "cuotas".encode("utf-16-le") not in content, file.name


async def test_a_seq_is_stored_once_and_a_failure_stays_with_its_owner(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    other = msgspec.structs.replace(record, call_id="call-2")
    await store.calls.open(other)
    await store.calls.append(record, [said(1)])
    results = await asyncio.gather(
        store.calls.append(other, [said(1, call_id="call-2")]),
        store.calls.append(record, [said(1, "otra cosa")]),
        store.calls.append(record, [said(2)]),
        return_exceptions=True,
    )
    assert results[0] is None
    assert isinstance(results[1], Conflict)
    assert SAID not in repr(results[1])
    assert results[2] is None
    assert len(await store.calls.all_facts(record.organisation_id, "call-1")) == 2


async def test_what_was_committed_without_an_answer_may_be_asked_again(store: Store, record: CallRecord) -> None:
    key = await store.calls.open(record)
    await store.calls.append(record, [said(1), said(2)])
    again = await store.calls.open(record)
    assert again.open(1, key.seal(1, b"hola")) == b"hola"
    await store.calls.append(record, [said(1), said(2)])
    assert [decode(body) for body in await store.calls.all_facts(record.organisation_id, "call-1")] == [
        said(1),
        said(2),
    ]
    assert len(await store.outbox.waiting()) == 2
    with pytest.raises(Conflict):
        await store.calls.append(record, [said(2), said(3)])
    with pytest.raises(Conflict):
        await store.calls.append(record, [said(1, "otra cosa"), said(2)])
    with pytest.raises(Conflict):
        await store.calls.open(msgspec.structs.replace(record, campaign="care"))


async def test_writes_that_wait_share_a_commit_and_return_in_order(settings: Settings, vault: Vault) -> None:
    groups: list[int] = []
    store = await Store.open(settings, vault, committed=lambda _seconds, writes: groups.append(writes))
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US")
    await store.calls.open(record)
    groups.clear()
    order: list[int] = []

    async def append(seq: int) -> None:
        await store.calls.append(record, [said(seq)])
        order.append(seq)

    await asyncio.gather(*(append(seq) for seq in range(1, 101)))
    assert order == list(range(1, 101))
    assert sum(groups) == 100
    assert len(groups) < 20
    await store.close()


async def test_another_organisation_sees_nothing(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    await store.calls.append(record, [said(1)])
    other = await store.people.add_organisation("Other", 1.0)
    with pytest.raises(NotFound):
        await store.calls.get(other, "call-1")
    assert await store.calls.find(other) == []
    assert await store.calls.facts_after(other, "call-1", 0) == []


async def test_facts_of_a_call_never_opened_are_refused(store: Store, record: CallRecord) -> None:
    with pytest.raises(NotFound):
        await store.calls.append(record, [said(1)])


async def test_calls_are_found_newest_first_by_agent_and_state(store: Store, record: CallRecord) -> None:
    for number in range(3):
        await store.calls.open(
            msgspec.structs.replace(
                record,
                call_id=f"call-{number}",
                started_at=float(number),
                agent_id="ana" if number else "",
                ended_at=number,
            )
        )
    found = await store.calls.find(record.organisation_id)
    assert [call.call_id for call in found] == ["call-2", "call-1", "call-0"]
    assert [call.call_id for call in await store.calls.find(record.organisation_id, live=True)] == ["call-0"]
    assert len(await store.calls.find(record.organisation_id, agent_id="ana")) == 2
    assert [call.call_id for call in await store.calls.find(record.organisation_id, before=1.0)] == ["call-0"]


async def test_a_call_left_live_is_ended_once_at_the_next_start(settings: Settings, vault: Vault) -> None:
    first = await Store.open(settings, vault)
    organisation = await first.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US", started_at=5.0)
    await first.calls.open(record)
    await first.calls.append(record, [said(1), said(2)])
    await first.close()

    second = await Store.open(settings, vault)
    assert [call.call_id for call in second.interrupted] == ["call-1"]
    ended = await second.calls.get(organisation, "call-1")
    assert ended.end_reason == "engine_restarted"
    assert ended.ended_at > 5.0
    last = decode((await second.calls.all_facts(organisation, "call-1"))[-1])
    assert isinstance(last, CallEvent)
    assert (last.name, last.seq, last.start_ms, last.data) == ("call.ended", 3, 2000, {"reason": "engine_restarted"})
    await second.close()

    third = await Store.open(settings, vault)
    assert third.interrupted == []
    assert len(await third.calls.all_facts(organisation, "call-1")) == 3
    await third.close()


async def test_a_call_whose_end_was_told_is_only_closed_whatever_people_did_after_it(
    settings: Settings, vault: Vault
) -> None:
    first = await Store.open(settings, vault)
    organisation = await first.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US", started_at=5.0)
    await first.calls.open(record)
    ended = CallEvent(call_id="call-1", seq=2, name="call.ended", end_ms=2000, data={"reason": "bye"})
    claimed = CallEvent(call_id="call-1", seq=3, name="call.claimed", end_ms=2000, data={"by": "ana"})
    await first.calls.append(record, [said(1), ended, claimed])
    await first.close()
    second = await Store.open(settings, vault)
    assert [call.end_reason for call in second.interrupted] == ["bye"]
    assert (await second.calls.get(organisation, "call-1")).end_reason == "bye"
    assert [decode(body).seq for body in await second.calls.all_facts(organisation, "call-1")] == [1, 2, 3]
    await second.close()


async def test_another_key_is_refused_at_start(settings: Settings, vault: Vault) -> None:
    await (await Store.open(settings, vault)).close()
    with pytest.raises(StartupError, match="KEY_URL"):
        await Store.open(settings, Vault(bytes(32)))
    await (await Store.open(settings, vault)).close()


async def test_one_engine_a_data_directory(settings: Settings, vault: Vault, store: Store) -> None:
    with pytest.raises(StartupError, match="DATA_DIR: another engine"):
        await Store.open(settings, vault)


async def test_a_data_directory_that_cannot_be_made(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="DATA_DIR"):
        await Store.open(Settings(data_dir=tmp_path / "file" / "data"), vault)


async def test_the_outbox_notes_what_was_stored_and_forgets_what_was_sent(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    await store.calls.append(record, [said(1), said(2)])
    letters = await store.outbox.waiting()
    assert [(letter.call_id, letter.seq, letter.type) for letter in letters] == [
        ("call-1", 1, "transcript"),
        ("call-1", 2, "transcript"),
    ]
    assert encode(said(1)) not in letters[0].body
    await store.outbox.sent(letters[:1])
    assert [letter.seq for letter in await store.outbox.waiting()] == [2]
    await store.outbox.forget_old(1e12)
    assert await store.outbox.count() == 0


async def test_what_was_sent_is_forgotten_twice_at_no_cost_to_facts_that_came_after_it(
    store: Store, record: CallRecord
) -> None:
    await store.calls.open(record)
    await store.calls.append(record, [said(1), said(2)])
    letters = await store.outbox.waiting()
    await store.outbox.sent(letters)
    await store.calls.append(record, [said(3), said(4)])
    later = await store.outbox.waiting()
    assert [letter.row for letter in later] == [letter.row for letter in letters], "an emptied table counts anew"
    await store.outbox.sent(letters)
    assert await store.outbox.waiting() == later
