"""The database: one writer that commits in groups, any number of readers.

Everything that is written goes through one task. It takes all writes that wait, up to `GROUP`, runs them in one
transaction and commits once, so that a hundred calls cost as many disk syncs as one. A writer's caller resumes when its
data are durable, in the order of the writes.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import structlog
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Row, Select, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from engine.errors import Conflict, Overloaded, StartupError

T = TypeVar("T")

_log = structlog.get_logger(__name__)

Write = Callable[[AsyncConnection], Awaitable[Any]]
"""Statements on the writer's connection. May run twice (see `Writer`), so it changes nothing but the database."""

Query = Select[*tuple[Any, ...]]
Rows = list[Row[*tuple[Any, ...]]]

GROUP = 256
WAITING = 4096
"""Writes that may wait; past it the caller waits for a place (policy: block, nothing is dropped)."""

READERS = 4
"""Connections for reading; a query that finds none free waits."""

BUSY_TIMEOUT_MS = 5_000
DATABASE = "welcomedly.db"


class _Waiting(NamedTuple):
    write: Write
    done: "asyncio.Future[Any]"
    since: float


class Writer:
    """Runs writes one after another and commits them in groups.

    A group is tried as a whole; when one of its writes fails, the group is rolled back and each is run in a transaction
    of its own, so that the failure stays with its owner.
    """

    def __init__(self, engine: AsyncEngine, committed: Callable[[float, int], None]) -> None:
        """`committed(seconds, writes)` is told how long the oldest write of each group waited."""
        self._engine = engine
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(WAITING)
        self._committed = committed
        self._task = asyncio.create_task(self._run(), name="store writer")
        self._closed = False

    async def write(self, write: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Returns once committed. Raises `Conflict` when a constraint refuses it, `Overloaded` when the disk does."""
        if self._closed:
            raise RuntimeError("the store is closed")
        waiting = _Waiting(write, asyncio.get_running_loop().create_future(), time.monotonic())
        await self._queue.put(waiting)
        result: T = await waiting.done
        return result

    def waiting(self) -> int:
        return self._queue.qsize()

    async def close(self) -> None:
        """Commits what waits, then ends."""
        if not self._closed:
            self._closed = True
            await self._queue.put(None)
        await self._task

    async def _run(self) -> None:
        last = False
        while not last:
            group = []
            item = await self._queue.get()
            while item is not None:
                group.append(item)
                if self._queue.empty() or len(group) >= GROUP:
                    break
                item = self._queue.get_nowait()
            last = item is None
            if group:
                await self._commit(group)

    async def _commit(self, group: list[_Waiting]) -> None:
        try:
            results = await self._transaction(group)
        except Exception as error:
            if len(group) > 1:
                for one in group:
                    await self._commit([one])
            elif not group[0].done.done():
                group[0].done.set_exception(_public(error))
            return
        self._committed(time.monotonic() - group[0].since, len(group))
        for one, result in zip(group, results, strict=True):
            if not one.done.done():
                one.done.set_result(result)

    async def _transaction(self, group: list[_Waiting]) -> list[Any]:
        async with self._engine.begin() as connection:
            return [await one.write(connection) for one in group]


def _public(error: Exception) -> Exception:
    """What the caller can decide about, without the values that were refused."""
    match error:
        case IntegrityError():
            return Conflict("it exists already, or what it refers to does not")
        case DBAPIError():
            _log.error("the store cannot write", error=type(error.orig).__name__)
            return Overloaded("the store cannot write")
        case _:
            return error


class Database:
    """Connections to one database. `open` migrates it; `close` commits what waits."""

    def __init__(self, writing: AsyncEngine, reading: AsyncEngine, writer: Writer, lock: int | None) -> None:
        self._writing = writing
        self._reading = reading
        self._reads: set[asyncio.Task[Rows]] = set()
        self._writer = writer
        self._lock = lock
        self.write = writer.write
        self.waiting = writer.waiting

    @classmethod
    async def open(cls, url: str, data_dir: Path, committed: Callable[[float, int], None]) -> "Database":
        """`url` empty: SQLite in `data_dir`, which one engine at a time may hold. Raises `StartupError`."""
        lock = None
        if not url:
            lock = _hold(data_dir)
            url = f"sqlite+aiosqlite:///{data_dir / DATABASE}"
        try:
            writing = await _migrated(url)
        except (SQLAlchemyError, CommandError, ImportError, TypeError, OSError) as error:
            if lock is not None:
                os.close(lock)
            reason = str(error).partition("\n")[0]
            raise StartupError(f"DATABASE_URL: cannot open or migrate the database: {reason}") from error
        return cls(writing, _engine(url, connections=READERS), Writer(writing, committed), lock)

    async def fetch(self, query: Query) -> Rows:
        """All rows; sees everything committed before. A reader that is cancelled leaves its connection whole."""
        task = asyncio.create_task(self._fetch(query))
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)
        return await asyncio.shield(task)

    async def _fetch(self, query: Query) -> Rows:
        async with self._reading.connect() as connection:
            return list((await connection.execute(query)).all())

    async def close(self) -> None:
        await self._writer.close()
        await asyncio.gather(*self._reads, return_exceptions=True)
        await self._reading.dispose()
        await self._writing.dispose()
        if self._lock is not None:
            os.close(self._lock)


async def _migrated(url: str) -> AsyncEngine:
    """The writer's engine, with the schema at its newest version."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").parent.is_dir():
        raise FileNotFoundError("no such folder")  # the driver would leave a thread behind
    engine = _engine(url, connections=1)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
    except BaseException:
        await engine.dispose()
        raise
    return engine


def _engine(url: str, connections: int) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True, pool_size=connections, max_overflow=0)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _sqlite_connected)
        event.listen(engine.sync_engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connected(connection: Any, _record: Any) -> None:
    # The driver's own transactions would begin at the first change only; ours begin with BEGIN.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        # Commits survive a loss of power, not only a killed process; the group pays the sync once.
        "synchronous = FULL",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "foreign_keys = ON",
        # What is deleted is overwritten: an erased call's key must not linger in free pages.
        "secure_delete = ON",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def migrate(connection: Connection) -> None:
    """Bring the schema to the newest version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _hold(data_dir: Path) -> int:
    """Take the data directory for this process alone; a killed engine lets go by dying."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(data_dir / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartupError(f"DATA_DIR: cannot use {data_dir}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StartupError(f"DATA_DIR: another engine is using {data_dir}") from None
    return handle
