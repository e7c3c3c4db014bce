"""The database: one writer that commits in groups, any number of readers."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from asyncpg import InterfaceError, PostgresError
from sqlalchemy import Connection, Row, Select, delete, event, insert, inspect, make_url, select
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from engine.errors import Invalid, Overloaded, StartupError
from engine.store import postgres, sqlite
from engine.store.directory import hold
from engine.store.tables import KeyProofRow
from engine.store.writer import Writer, name_of

_log = structlog.get_logger(__name__)

Query = Select[*tuple[Any, ...]]
Rows = list[Row[*tuple[Any, ...]]]

KEY_PROOFS: Query = select(KeyProofRow.key_id, KeyProofRow.proof)
READERS = 4
"""Connections for reading."""
READER_WAIT_S = 5.0
"""A query that finds none free waits for so long."""

UNUSABLE = (SQLAlchemyError, CommandError, ImportError, TypeError, OSError, PostgresError, InterfaceError)
"""What opening a database may raise; the driver's own errors come bare while it connects."""


class Database:
    """Connections to one database. `open` migrates it, or leaves it as it is; `close` commits what waits."""

    def __init__(self, writing: AsyncEngine, reading: AsyncEngine, writer: Writer, lock: int) -> None:
        self._writing = writing
        self._reading = reading
        self._reads: set[asyncio.Task[Rows]] = set()
        self._writer = writer
        self._lock = lock
        self.write = writer.write
        self.waiting = writer.waiting
        self.writable = writer.writable

    @classmethod
    async def open(
        cls,
        url: str,
        data_dir: Path,
        committed: Callable[[float, int], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        as_it_is: bool = False,
    ) -> "Database":
        """`url` empty: SQLite in `data_dir`. One engine at a time may hold either; one that lost its machine holds
        PostgreSQL for a while, which is waited for. `as_it_is`: a schema of another version is refused, and nothing is
        waited for. Raises `StartupError`."""
        if as_it_is and not url and not (data_dir / sqlite.DATABASE).exists():
            raise StartupError(f"DATA_DIR: there are no data in {data_dir}")
        lock = hold(data_dir)
        url = url_of(url, data_dir)
        until = clock() + (0.0 if as_it_is else postgres.LOCK_START_S)
        while True:
            try:
                writing = await _prepared(url, must_be_newest if as_it_is else migrate)
                break
            except UNUSABLE as error:
                if postgres.sqlstate(error) != postgres.LOCKED or clock() >= until:
                    os.close(lock)
                    raise _unusable(error) from error
            _log.warning("store.held")
            await sleep(postgres.LOCK_PAUSE_S)
        reading = _engine(url, READERS, statement_s=postgres.READ_S, pool_timeout=READER_WAIT_S)
        # Readers may have stayed with a server that another took over from.
        renew = _renewable(reading)
        writer = Writer(writing, committed, probe=_leave_nothing, back=renew, clock=clock, sleep=sleep)
        return cls(writing, reading, writer, lock)

    async def fetch(self, query: Query) -> Rows:
        """All rows; sees everything committed before. A reader that is cancelled leaves its connection whole."""
        task = asyncio.create_task(self._fetch(query))
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)
        return await asyncio.shield(task)

    async def _fetch(self, query: Query) -> Rows:
        """Raises `Overloaded` when the database does not answer, `Invalid` when it refuses a value."""
        try:
            async with self._reading.connect() as connection:
                return list((await connection.execute(query)).all())
        except (DBAPIError, NoneFree, OSError, PostgresError, InterfaceError) as error:
            if postgres.sqlstate(error).startswith(postgres.REFUSED_VALUE):
                raise Invalid("the database cannot hold such a value") from None
            _log.error("the store cannot read", error=name_of(error))
            raise Overloaded("the store cannot read") from error

    async def scrub(self) -> bool:
        """Leaves nothing in SQLite's log of pages as they were before they were overwritten. False where a reader was
        at it for too long; raises whatever the driver does. On PostgreSQL they go with its VACUUM."""
        if self._writing.dialect.name != "sqlite":
            return True
        # The writer's one connection: no write waits on a lock that another of our connections holds. Calls wait behind
        # it, so that it waits for no reader but the shortest.
        async with self._writing.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await raw.execute_fetchall(f"PRAGMA busy_timeout = {sqlite.SCRUB_TIMEOUT_MS}")
            try:
                ((busy, _, _),) = await raw.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                await raw.execute_fetchall(f"PRAGMA busy_timeout = {sqlite.BUSY_TIMEOUT_MS}")
        return not busy

    async def close(self) -> None:
        await self._writer.close()
        await asyncio.gather(*self._reads, return_exceptions=True)
        await self._reading.dispose()
        await self._writing.dispose()
        os.close(self._lock)


def url_of(setting: str, data_dir: Path) -> str:
    """By the settings `DATABASE_URL` and `DATA_DIR`."""
    return setting or f"sqlite+aiosqlite:///{data_dir / sqlite.DATABASE}"


async def _leave_nothing(connection: AsyncConnection) -> None:
    """Needs the disk as any write does."""
    row = {"key_id": "", "proof": b"", "created_at": 0.0}
    await connection.execute(insert(KeyProofRow).values(row))
    await connection.execute(delete(KeyProofRow).where(KeyProofRow.key_id == ""))


async def key_proofs(url: str) -> Rows:
    """Of the keys that a database's data were begun with, none where it has no data of ours; nothing is changed there.
    Raises `StartupError`, also for data of a newer version."""
    try:
        engine = _engine(url, connections=1)
        try:
            async with engine.connect() as connection:
                known = await connection.run_sync(lambda sync: inspect(sync).has_table(KeyProofRow.__tablename__))
                if not known:
                    return []
                await connection.run_sync(must_be_known)
                return list((await connection.execute(KEY_PROOFS)).all())
        finally:
            await engine.dispose()
    except UNUSABLE as error:
        raise _unusable(error) from error


def _unusable(error: BaseException) -> StartupError:
    if postgres.sqlstate(error) == postgres.LOCKED:
        return StartupError("DATABASE_URL: another engine is using the database")
    reason = str(error).partition("\n")[0]
    return StartupError(f"DATABASE_URL: cannot open or migrate the database: {reason}")


async def _prepared(url: str, prepare: Callable[[Connection], None]) -> AsyncEngine:
    """The writer's engine, with the schema at its newest version."""
    engine = _holder(url, postgres.MIGRATE_S)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(prepare)
        if engine.dialect.name == "postgresql":  # how long a statement may take is its connection's
            await engine.dispose()
            engine = _holder(url, postgres.WRITE_S)
            async with engine.connect():
                pass
    except BaseException:
        await engine.dispose()
        raise
    return engine


def _holder(url: str, statement_s: float) -> AsyncEngine:
    """Of one connection, which on PostgreSQL holds the database for as long as it lasts."""
    engine = _engine(url, connections=1, statement_s=statement_s)
    if engine.dialect.name == "postgresql":
        event.listen(engine.sync_engine, "connect", postgres.hold)
    return engine


def _engine(url: str, connections: int, *, statement_s: float = postgres.WRITE_S, **pooled: Any) -> AsyncEngine:
    parsed = make_url(postgres.driver_url(url))
    pool = {"hide_parameters": True, "pool_size": connections, "max_overflow": 0} | pooled
    match parsed.get_backend_name():
        case "sqlite":
            if not Path(parsed.database or "").parent.is_dir():
                raise FileNotFoundError("no such folder")  # the driver would leave a thread behind
            engine = create_async_engine(parsed, **pool)
            event.listen(engine.sync_engine, "connect", sqlite.connected)
            event.listen(engine.sync_engine, "begin", sqlite.begin)
        case "postgresql":
            arguments = postgres.connect_args(statement_s)
            engine = create_async_engine(parsed, **pool, pool_pre_ping=True, connect_args=arguments)
        case other:
            raise TypeError(f"{other} is none of sqlite, postgresql")
    return engine


def _renewable(engine: AsyncEngine) -> Callable[[], None]:
    """Gives what to call for every connection to be made anew before it is used again; none is waited for."""
    current = 0

    def connected(_connection: Any, record: Any) -> None:
        record.info["made"] = current

    def taken(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["made"] != current:
            raise DisconnectionError("of before")

    def renew() -> None:
        nonlocal current
        current += 1

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "checkout", taken)
    return renew


def migrate(connection: Connection) -> None:
    """Bring the schema to the newest version. Raises `CommandError`."""
    must_be_known(connection)
    command.upgrade(migrations(connection), "head")


def must_be_known(connection: Connection) -> None:
    """Raises `CommandError` after a step back to a version that is older than the data."""
    known = {script.revision for script in ScriptDirectory.from_config(migrations(connection)).walk_revisions()}
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in known:
        raise CommandError(
            f"a newer version has migrated it (to {found}), and there is no way back: start that version, or restore "
            "the backup from before it"
        )


def must_be_newest(connection: Connection) -> None:
    """Raises `CommandError`."""
    newest = ScriptDirectory.from_config(migrations(connection)).get_current_head()
    if MigrationContext.configure(connection).get_current_revision() != newest:
        raise CommandError(
            "it is another version's, and this command changes none: start the engine of this version on it "
            "(on a copy, to try the version)"
        )


def migrations(connection: Connection) -> Config:
    """What Alembic's commands are given to run on this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
