"""Calls go when somebody says so, or when their campaign keeps them no longer: in virtual time, hour by hour."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from time import time as real_time
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from engine.erasures import BATCH, Erasures
from engine.errors import Conflict, NotFound, Overloaded
from engine.inputs import Inputs
from engine.ports.storage import CallRecord
from engine.recordings import DAY_S, Recordings
from engine.retention_clock import FILE, Look, RetentionClock
from engine.settings import Settings
from engine.store import Store, sqlite
from engine.store.campaigns import Campaign
from engine.store.outbox import KEPT_S
from engine.telemetry import Metrics
from engine.vault import Vault
from tests.engine.ended_call import REASON, ended_call

BEGAN = 1_700_000_000.0


class Time:
    """A wall clock that the sleeper winds on; it ends the loop at an hour that a test names."""

    def __init__(self, hours: int = 0) -> None:
        self.now = BEGAN
        self.slept = 0.0
        self._until = BEGAN + hours * 3_600

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds
        if self.now > self._until:
            raise asyncio.CancelledError


class Kept:
    """A store with its recordings, and calls in it."""

    def __init__(self, store: Store, settings: Settings, organisation: str, time: Time) -> None:
        self.store = store
        self.organisation = organisation
        self.time = time
        self.folder = settings.data_dir
        self.forgotten: list[tuple[str, str]] = []
        self.recordings = Recordings(store, settings.data_dir, time)
        self.inputs = Inputs(store, settings.data_dir, 30, time)
        self.erasures = Erasures(store, self.recordings, self.inputs, self._forget, wall_clock=time, sleep=time.sleep)

    def _forget(self, organisation_id: str, call_id: str) -> None:
        self.forgotten.append((organisation_id, call_id))

    async def campaign(self, campaign_id: str, words_days: int, **more: Any) -> None:
        campaign = Campaign(
            campaign_id, self.organisation, campaign_id, "care", "inbound", "es", "CO", words_days=words_days, **more
        )
        await self.store.campaigns.add(campaign, 1.0)

    async def call(
        self, call_id: str, campaign_id: str, *, ended: bool = True, recorded: int | None = None
    ) -> CallRecord:
        """One of a minute; `recorded` is for how many days."""
        record = CallRecord(
            call_id, self.organisation, campaign_id, "care", "inbound", "es", "CO", started_at=BEGAN - 60.0
        )
        await self.store.calls.open(record)
        await self.store.calls.append(record, ended_call(call_id))
        if recorded is not None:
            sink = await self.recordings.begin(record, 2, recorded)
            sink.write(b"sound")
            sink.close()
        if ended:
            record = msgspec.structs.replace(record, ended_at=BEGAN)
            await self.store.calls.change(record)
        return record

    async def ids(self) -> set[str]:
        return {call.call_id for call in await self.store.calls.find(self.organisation, limit=1_000)}

    def files(self) -> list[Path]:
        return list(self.folder.rglob("*.sealed"))

    async def keep_house(self, erasures: Erasures | None = None) -> Metrics:
        """By a new process, until the time is over."""
        metrics = Metrics()
        clock = RetentionClock(self.folder, self.store.erasures.last_end, self.time, lambda: self.time.slept)
        with pytest.raises(asyncio.CancelledError):
            await (erasures or self.erasures).keep_house(clock, metrics)
        return metrics


def failures(metrics: Metrics, what: str) -> float | None:
    return metrics.registry.get_sample_value("welcomedly_retention_failures_total", {"what": what})


async def keep_house(store: Store, settings: Settings, organisation: str, hours: int) -> Kept:
    """What is left of five calls after so many hours, of which the engine was there for the last two."""
    time = Time(hours)
    time.now += (hours - 2) * 3_600
    kept = Kept(store, settings, organisation, time)
    await kept.campaign("ten", 10, recording=True, retention_days=5)
    await kept.campaign("for good", 0)
    await kept.call("plain", "ten")
    await kept.call("recorded", "ten", recorded=5)
    await kept.call("recorded for longer", "ten", recorded=12)
    await kept.call("live", "ten", ended=False)
    await kept.call("asked for", "for good")
    (kept.folder / FILE).write_bytes(msgspec.json.encode(Look(time.now)))  # and was there before
    await kept.keep_house()
    return kept


EVERY = {"plain", "recorded", "recorded for longer", "live", "asked for"}


@pytest.mark.parametrize(
    ("hours", "gone", "files"),
    [
        (5 * 24 - 1, set(), 2),
        (5 * 24, set(), 1),
        (10 * 24 - 1, set(), 1),
        (10 * 24, {"plain", "recorded"}, 1),
        (12 * 24 - 1, {"plain", "recorded"}, 1),
        (12 * 24, {"plain", "recorded", "recorded for longer"}, 0),
        (400 * 24, {"plain", "recorded", "recorded for longer"}, 0),
    ],
)
async def test_each_goes_in_its_hour(
    store: Store, settings: Settings, organisation: str, hours: int, gone: set[str], files: int
) -> None:
    kept = await keep_house(store, settings, organisation, hours)
    assert await kept.ids() == EVERY - gone
    assert len(kept.files()) == files
    assert {call_id for _, call_id in kept.forgotten} == gone
    assert {one.erased_by for one in await store.erasures.find(organisation)} <= {"retention"}


async def test_under_a_legal_hold_nothing_goes_until_it_is_lifted(
    store: Store, settings: Settings, organisation: str
) -> None:
    time = Time(400 * 24)
    kept = Kept(store, settings, organisation, time)
    await kept.campaign("ten", 10, recording=True, retention_days=5)
    for call_id in ("held", "not"):
        record = await kept.call(call_id, "ten", recorded=5)
        sink = await kept.inputs.begin(record)
        sink.write(b"words")
        sink.close()
    await kept.erasures.hold(organisation, "held", "user-root")
    with pytest.raises(Conflict, match="legal hold"):
        await kept.erasures.erase(organisation, "held", "user-root")
    time.now += 399 * DAY_S
    for work in (kept.recordings.delete_expired, kept.erasures.erase_due, kept.inputs.delete_expired):
        await work()
    assert await kept.ids() == {"held"}
    assert {path.stem for path in kept.files()} == {"held"}
    assert len(kept.files()) == 2
    with await kept.recordings.open(organisation, "held") as reader:
        assert b"".join(reader.read()) == b"sound"
    await kept.erasures.lift(organisation, "held", "user-root")
    with pytest.raises(NotFound):
        await kept.recordings.open(organisation, "held")
    for work in (kept.recordings.delete_expired, kept.erasures.erase_due, kept.inputs.delete_expired):
        await work()
    assert (await kept.ids(), kept.files()) == (set(), [])
    for nobodys in ("held", "no such call"):
        with pytest.raises(NotFound):
            await kept.erasures.hold(organisation, nobodys, "user-root")


async def test_batch_after_batch_goes_in_one_round(store: Store, settings: Settings, organisation: str) -> None:
    time = Time()
    kept = Kept(store, settings, organisation, time)
    await kept.campaign("one", 1)
    for number in range(2 * BATCH + 1):
        record = CallRecord(f"call-{number}", organisation, "one", "care", "inbound", "es", "CO", ended_at=BEGAN)
        await store.calls.open(record)
    assert await kept.erasures.erase_due() == 0
    time.now += DAY_S
    assert await kept.erasures.erase_due() == 2 * BATCH + 1
    assert await kept.ids() == set()
    assert await kept.erasures.erase_due() == 0


async def test_a_round_that_fails_is_made_up_for_in_the_next(
    store: Store, settings: Settings, organisation: str
) -> None:
    class Failing(Recordings):
        rounds = 0

        async def delete_expired(self) -> int:
            Failing.rounds += 1
            raise Overloaded("the store cannot write")

    time = Time(hours=24)
    kept = Kept(store, settings, organisation, time)
    await kept.campaign("one", 1)
    await kept.call("call-1", "one")
    erasures = Erasures(store, Failing(store, settings.data_dir), kept.inputs, wall_clock=time, sleep=time.sleep)
    with capture_logs() as logs:
        metrics = await kept.keep_house(erasures)
    assert Failing.rounds == 25
    assert [log["event"] for log in logs].count("retention.failed") == 25
    assert [failures(metrics, what) for what in ("recording", "call", "clock")] == [25, 0, 0]
    assert await kept.ids() == set()


async def test_nothing_goes_while_the_clock_has_jumped(store: Store, settings: Settings, organisation: str) -> None:
    time = Time()
    kept = Kept(store, settings, organisation, time)
    await kept.campaign("one", 1, recording=True, retention_days=1)
    await kept.call("call-1", "one", recorded=1)
    await kept.keep_house()
    time.now += 365 * DAY_S
    for _ in range(2):  # a restart makes it no better
        assert failures(await kept.keep_house(), "clock") == 1
    assert (await kept.ids(), len(kept.files())) == ({"call-1"}, 1)
    time.now = BEGAN + 7_200.0
    assert failures(await kept.keep_house(), "clock") == 0


async def test_nothing_goes_by_a_clock_that_nobody_has_looked_at_before(
    store: Store, settings: Settings, organisation: str
) -> None:
    time = Time()
    kept = Kept(store, settings, organisation, time)
    await kept.campaign("one", 1, recording=True, retention_days=1)
    await kept.call("call-1", "one", recorded=1)
    time.now += 365 * DAY_S
    assert failures(await kept.keep_house(), "clock") == 1
    assert (await kept.ids(), len(kept.files())) == ({"call-1"}, 1)


async def test_a_bus_that_stays_away_bounds_the_outbox(
    store: Store, record: CallRecord, settings: Settings, organisation: str
) -> None:
    await store.calls.open(record)
    await store.calls.append(record, ended_call("call-1"))
    waiting = await store.outbox.count()
    time = Time()
    kept = Kept(store, settings, organisation, time)
    for age_s, forgotten in ((KEPT_S - 60.0, 0), (KEPT_S + 60.0, waiting)):
        time.now = real_time() + age_s  # the facts were stored just now
        metrics = await kept.keep_house()
        assert metrics.registry.get_sample_value("welcomedly_outbox_forgotten_total") == forgotten
        assert await store.outbox.count() == waiting - forgotten


async def test_an_erased_call_takes_its_recording_along_and_is_logged_by_ids_alone(
    store: Store, settings: Settings, organisation: str
) -> None:
    kept = Kept(store, settings, organisation, Time())
    await kept.call("call-1", "any", recorded=0)
    with capture_logs() as logs:
        await kept.erasures.erase(organisation, "call-1", "user-root")
    assert kept.files() == []
    with pytest.raises(NotFound):
        await store.recordings.get(organisation, "call-1")
    assert kept.forgotten == [(organisation, "call-1")]
    told = {"event": "call.erased", "log_level": "info", "call_id": "call-1", "by": "user-root"}
    assert told in logs
    assert REASON not in str(logs)


async def test_a_file_that_cannot_be_deleted_costs_no_erasure_and_is_tried_again(
    store: Store, settings: Settings, organisation: str
) -> None:
    time = Time()
    kept = Kept(store, settings, organisation, time)
    await kept.call("call-1", "any", recorded=0)
    (file,) = kept.files()
    file.unlink()
    file.mkdir()  # what is no file cannot be unlinked
    await kept.erasures.erase(organisation, "call-1", "user-root")
    assert await kept.ids() == set()
    file.rmdir()
    file.write_bytes(b"noise")
    await kept.keep_house()
    assert kept.files() == []


async def test_a_store_that_goes_away_once_a_call_is_erased_costs_no_erasure(
    store: Store, settings: Settings, organisation: str
) -> None:
    class Away(Recordings):
        async def delete(self, organisation_id: str, call_id: str) -> None:
            raise Overloaded("the store cannot write")

    time = Time()
    kept = Kept(store, settings, organisation, time)
    record = await kept.call("call-1", "any", recorded=0)
    (await kept.inputs.begin(record)).close()
    assert len(kept.files()) == 2
    erasures = Erasures(store, Away(store, settings.data_dir), kept.inputs, wall_clock=time, sleep=time.sleep)
    await erasures.erase(organisation, "call-1", "user-root")
    assert await kept.ids() == set()
    assert [file.parts[-3] for file in kept.files()] == ["recordings"]
    await kept.keep_house()
    assert kept.files() == []


async def test_a_file_that_cannot_be_deleted_keeps_no_call(store: Store, settings: Settings, organisation: str) -> None:
    time = Time(hours=24)
    kept = Kept(store, settings, organisation, time)
    await kept.campaign("one", 1, recording=True, retention_days=1)
    await kept.call("stuck", "one", recorded=1)
    (file,) = kept.files()
    file.unlink()
    file.mkdir()
    await kept.call("recorded", "one", recorded=1)
    await kept.call("plain", "one")
    await kept.keep_house()
    assert await kept.ids() == set(), "its key is gone as well, and with it what a copy of the file says"
    assert kept.files() == [file]


async def test_a_live_call_stays(store: Store, settings: Settings, organisation: str) -> None:
    kept = Kept(store, settings, organisation, Time())
    await kept.call("call-1", "any", ended=False, recorded=0)
    with pytest.raises(Conflict):
        await kept.erasures.erase(organisation, "call-1", "user-root")
    assert (await kept.ids(), len(kept.files()), kept.forgotten) == ({"call-1"}, 1, [])


async def test_a_log_that_somebody_reads_is_emptied_once_it_is_let_go_of_and_no_call_waits_for_that(
    settings: Settings, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 60_000)
    log = settings.data_dir / f"{sqlite.DATABASE}-wal"
    store = await Store.open(settings, vault)
    try:
        organisation = await store.people.add_organisation("Acme", 1.0)
        kept = Kept(store, settings, organisation, Time())
        await kept.call("call-1", "any")
        with closing(sqlite3.connect(settings.data_dir / sqlite.DATABASE)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM calls").fetchone()
            async with asyncio.timeout(30):
                await kept.erasures.erase(organisation, "call-1", "user-root")
                assert failures(await kept.keep_house(), "log") == 1
            assert log.stat().st_size > 0
        assert await kept.ids() == set()
        assert failures(await kept.keep_house(), "log") == 0
        assert log.stat().st_size == 0
        assert await store._database.write(busy_timeout_ms) == 60_000, "a call's write has its patience back"
    finally:
        await store.close()


async def busy_timeout_ms(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("PRAGMA busy_timeout")))


async def test_a_log_that_a_full_disk_keeps_costs_no_erasure(
    store: Store, settings: Settings, organisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full() -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    kept = Kept(store, settings, organisation, Time())
    await kept.call("call-1", "any")
    monkeypatch.setattr(store, "scrub", full)
    await kept.erasures.erase(organisation, "call-1", "user-root")
    assert await kept.ids() == set()
    assert failures(await kept.keep_house(), "log") == 1
    monkeypatch.undo()
    assert failures(await kept.keep_house(), "log") == 0
