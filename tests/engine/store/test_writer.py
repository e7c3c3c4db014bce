"""A disk that takes nothing for a while: what it costs, and what readiness says meanwhile. Time is virtual."""

import asyncio
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from asyncpg import TooManyConnectionsError
from asyncpg.exceptions import CannotConnectNowError, DiskFullError, ReadOnlySQLTransactionError, UniqueViolationError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from engine.errors import Overloaded
from engine.settings import Settings
from engine.store import Store, postgres, sqlite
from engine.store.writer import HANGS_S, PATIENCE_S, PROBE_EVERY_S, Writer, name_of
from engine.vault import Vault


class Time:
    """Passes as the writer waits; `passes` is told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.passes: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.passes()


@contextmanager
def full_disk(settings: Settings) -> Iterator[Callable[[], None]]:
    """No file grows beyond what the log of the database has now; until the disk is told to have room again."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (settings.data_dir / f"{sqlite.DATABASE}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_is_full_for_a_while_costs_time_and_no_data(settings: Settings, vault: Vault) -> None:
    time = Time()
    store = await Store.open(settings, vault, clock=time, sleep=time.sleep)
    with full_disk(settings) as has_room:
        time.passes = lambda: has_room() if time.now > 100.0 + PATIENCE_S / 2 else None
        organisation = await store.people.add_organisation("Acme", 1.0)
    assert 100.0 + PATIENCE_S / 2 < time.now < 100.0 + PATIENCE_S
    assert await store.people.organisation_named("Acme") == organisation
    assert await store.ready()
    await store.close()


async def test_an_engine_that_cannot_write_is_not_ready_and_is_again_by_itself(
    settings: Settings, vault: Vault
) -> None:
    time = Time()
    store = await Store.open(settings, vault, clock=time, sleep=time.sleep)
    assert await store.ready()
    with full_disk(settings) as has_room:
        with pytest.raises(Overloaded):
            await store.people.add_organisation("Acme", 1.0)
        assert time.now > 100.0 + PATIENCE_S
        for _ in range(3):
            assert not await store.writable()
            assert not await store.ready()
            time.now += PROBE_EVERY_S
        assert not await store.ready()
        has_room()
        assert not await store.ready(), "a write is tried once every few seconds, however often it is asked for"
        time.now += PROBE_EVERY_S
        assert await store.ready()
    assert await store.people.organisation_named("Acme") is None
    await store.close()


async def test_a_write_that_hangs_is_one_that_the_store_does_not_take(tmp_path: Path) -> None:
    time, begun, answered = Time(), asyncio.Event(), asyncio.Event()

    async def nothing(connection: AsyncConnection) -> None: ...

    async def hangs(connection: AsyncConnection) -> None:
        begun.set()
        await answered.wait()

    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'one'}")
    writer = Writer(engine, lambda *_: None, probe=nothing, back=lambda: None, clock=time, sleep=time.sleep)
    writing = asyncio.create_task(writer.write(hangs))
    await begun.wait()
    assert await writer.writable()
    time.now += HANGS_S + 1.0
    assert not await writer.writable()
    answered.set()
    await writing
    await writer.write(nothing)
    assert await writer.writable()
    await writer.close()
    await engine.dispose()


def test_sqlite_says_when_the_disk_is_full() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as full:
            database.execute("CREATE TABLE one (id)")
        with pytest.raises(sqlite3.OperationalError) as wrong:
            database.execute("SELECT * FROM none")
    assert sqlite.is_lost(full.value)
    assert name_of(full.value) == "OperationalError SQLITE_FULL"
    assert not sqlite.is_lost(wrong.value)


def test_postgresql_says_what_may_pass() -> None:
    for passes in (TooManyConnectionsError, CannotConnectNowError, DiskFullError, ReadOnlySQLTransactionError):
        assert postgres.is_lost(passes())
    assert not postgres.is_lost(UniqueViolationError())
    assert name_of(DiskFullError("of which nothing is told")) == "DiskFullError 53100"
