"""An erased call: its key and all that was said are gone for good, and what is left says that there was one."""

import asyncio
import sqlite3
from contextlib import closing

import msgspec
import pytest

from engine.errors import Conflict, NotFound
from engine.facts import CallEvent
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.store.calls import Calls
from engine.store.erasures import Erasure
from engine.store.recordings import Recording
from engine.store.session import Database, Query, Rows
from engine.store.sqlite import DATABASE
from engine.vault import Vault
from tests.engine.ended_call import ended_call

NOW = 1_700_100_000.0


async def ended(
    store: Store, record: CallRecord, call_id: str = "call-1", ended_at: float = 1_700_000_060.0
) -> CallRecord:
    call = msgspec.structs.replace(record, call_id=call_id, agent_id="user-ana", agent_name="Ana Núñez")
    await store.calls.open(call)
    await store.calls.append(call, ended_call(call_id))
    call = msgspec.structs.replace(call, ended_at=ended_at)
    await store.calls.change(call)
    return call


def judged(call_id: str = "call-1") -> CallEvent:
    data = {"of": 4, "rule": "R", "version": "1", "verdict": "right", "by": "user-ana", "role": "agent"}
    return CallEvent(call_id=call_id, seq=9, name="alert.judged", data=data)


def counted(settings: Settings) -> dict[str, int]:
    """Rows by table."""
    with closing(sqlite3.connect(settings.data_dir / DATABASE)) as database:
        tables = ("calls", "facts", "outbox", "feedback", "quality_scores", "recordings", "tokens")
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


async def test_what_is_left_says_that_there_was_a_call(store: Store, record: CallRecord, settings: Settings) -> None:
    call = await ended(store, record)
    before = counted(settings)
    assert min(before[table] for table in ("facts", "outbox", "feedback", "quality_scores")) > 0
    await store.calls.erase(call.organisation_id, "call-1", "user-root", NOW)
    with pytest.raises(NotFound):
        await store.calls.facts_after(call.organisation_id, "call-1", 0)
    with pytest.raises(NotFound):
        await store.calls.get(call.organisation_id, "call-1")
    assert await store.calls.find(call.organisation_id) == []
    left = Erasure("call-1", "campaign-1", "collections", record.started_at, call.ended_at, NOW, "user-root")
    assert await store.erasures.find(call.organisation_id) == [left]
    assert await store.erasures.find("another") == []
    assert counted(settings) == dict.fromkeys(before, 0) | {"calls": 1}


async def test_neither_key_nor_name_stays_on_the_disk(store: Store, record: CallRecord, settings: Settings) -> None:
    await ended(store, record)
    with closing(sqlite3.connect(settings.data_dir / DATABASE)) as database:
        (wrapped,) = database.execute("SELECT wrapped_key FROM calls").fetchone()

    def found(secret: bytes) -> list[str]:
        return [file.name for file in settings.data_dir.rglob("*") if file.is_file() and secret in file.read_bytes()]

    assert found(wrapped)
    assert found("Ana Núñez".encode())
    await store.calls.erase(record.organisation_id, "call-1", "user-root", NOW)
    await store.scrub()
    assert found(wrapped) == []
    assert found("Ana Núñez".encode()) == []


async def test_what_cannot_be_erased_is_left_as_it_was(store: Store, record: CallRecord) -> None:
    await store.calls.open(record)
    with pytest.raises(Conflict):
        await store.calls.erase(record.organisation_id, "call-1", "user-root", NOW)
    await store.calls.append(record, ended_call())
    await store.calls.change(msgspec.structs.replace(record, ended_at=1.0))
    for organisation_id, call_id in (("another", "call-1"), (record.organisation_id, "call-2")):
        with pytest.raises(NotFound):
            await store.calls.erase(organisation_id, call_id, "user-root", NOW)
    assert len(await store.calls.all_facts(record.organisation_id, "call-1")) == 8
    await store.calls.erase(record.organisation_id, "call-1", "user-root", NOW)
    with pytest.raises(NotFound):
        await store.calls.erase(record.organisation_id, "call-1", "user-ana", NOW + 1)
    assert [one.erased_by for one in await store.erasures.find(record.organisation_id)] == ["user-root"]


@pytest.mark.parametrize("erasing_first", [False, True])
async def test_a_judgement_that_races_with_the_erasure_leaves_nothing(
    store: Store, record: CallRecord, settings: Settings, erasing_first: bool
) -> None:
    call = await ended(store, record)
    steps = [
        store.calls.append(call, [judged()]),
        store.calls.erase(call.organisation_id, "call-1", "user-root", NOW),
    ]
    results = await asyncio.gather(*(reversed(steps) if erasing_first else steps), return_exceptions=True)
    assert [type(one) for one in results] == ([type(None), NotFound] if erasing_first else [type(None)] * 2)
    assert counted(settings)["facts"] == counted(settings)["feedback"] == counted(settings)["outbox"] == 0


class Held:
    """A database whose reads are answered once a test lets them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.write = database.write
        self.read = asyncio.Event()
        self.go = asyncio.Event()

    async def fetch(self, query: Query) -> Rows:
        rows = await self._database.fetch(query)
        self.read.set()
        await self.go.wait()
        return rows


async def test_a_key_that_was_read_before_the_erasure_is_not_kept_after_it(
    store: Store, vault: Vault, record: CallRecord
) -> None:
    call = await ended(store, record)
    held = Held(store._database)
    calls = Calls(held, vault)  # type: ignore[arg-type]
    reading = asyncio.create_task(calls.key(call.organisation_id, "call-1"))
    await held.read.wait()
    await calls.erase(call.organisation_id, "call-1", "user-root", NOW)
    held.go.set()
    await reading
    with pytest.raises(NotFound):
        await calls.key(call.organisation_id, "call-1")


async def test_erasures_are_found_newest_first(store: Store, record: CallRecord) -> None:
    for number in range(3):
        call = await ended(store, record, f"call-{number}")
        await store.calls.erase(call.organisation_id, call.call_id, "retention", NOW + number)
    found = await store.erasures.find(record.organisation_id, limit=2)
    assert [one.call_id for one in found] == ["call-2", "call-1"]
    found = await store.erasures.find(record.organisation_id, before=found[-1].erased_at)
    assert [one.call_id for one in found] == ["call-0"]


async def test_calls_are_due_once_they_ended_and_have_no_recording(store: Store, record: CallRecord) -> None:
    organisation = record.organisation_id
    for call_id, ended_at in (("newer", 300.0), ("older", 100.0), ("old", 200.0), ("recorded", 50.0), ("erased", 60.0)):
        await ended(store, record, call_id, ended_at)
    await store.calls.open(msgspec.structs.replace(record, call_id="live"))
    await store.calls.open(msgspec.structs.replace(record, call_id="of another", campaign_id="c2", ended_at=1.0))
    await store.recordings.add(Recording("recorded", organisation, 2, 1.0))
    await store.recordings.add(Recording("old", organisation, 2, 1.0, delete_at=NOW))
    await store.calls.erase(organisation, "erased", "user-root", NOW)
    assert await store.erasures.due(organisation, "campaign-1", 200.0, 10, now=NOW) == ["older", "old"]
    assert await store.erasures.due(organisation, "campaign-1", 200.0, 1, now=NOW) == ["older"]
    assert await store.erasures.due(organisation, "campaign-1", 200.0, 10, now=NOW - 1) == ["older"]
    assert await store.erasures.due("another", "campaign-1", 200.0, 10, now=NOW) == []


async def test_a_row_that_changes_just_after_says_no_name_again(
    store: Store, record: CallRecord, settings: Settings
) -> None:
    call = await ended(store, record)
    await store.calls.erase(call.organisation_id, "call-1", "user-root", NOW)
    await store.calls.change(call)  # as a claim does that was on its way
    with closing(sqlite3.connect(settings.data_dir / DATABASE)) as database:
        assert database.execute("SELECT agent_name FROM calls").fetchall() == [("",)]
