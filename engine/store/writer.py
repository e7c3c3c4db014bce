"""The one writer of a database: it commits in groups.

Everything that is written goes through one task. It takes all writes that wait, up to `GROUP`, runs them in one
transaction and commits once, so that a hundred calls cost as many disk syncs as one. A writer's caller resumes when its
data are durable, in the order of the writes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from engine.errors import Conflict, Invalid, Overloaded
from engine.store import postgres

T = TypeVar("T")

_log = structlog.get_logger(__name__)

Write = Callable[[AsyncConnection], Awaitable[Any]]
"""Statements on the writer's connection. May run twice (see `Writer`), so it changes nothing but the database."""

GROUP = 256
WAITING = 4096
"""Writes that may wait; past it the caller waits for a place (policy: block, nothing is dropped)."""

PAUSE_S, PAUSE_MAX_S = 0.05, 1.0
"""Between two tries to reach a server that went away: the first pause, doubled up to the second."""
PATIENCE_S = 30.0
"""A server that is away no longer than this costs time and no data: what is written meanwhile waits."""


class _Waiting(NamedTuple):
    write: Write
    done: "asyncio.Future[Any]"
    since: float


class Writer:
    """Runs writes one after another and commits them in groups.

    A group is tried as a whole; when one of its writes fails, the group is rolled back and each is run in a transaction
    of its own, so that the failure stays with its owner. When the server goes away the group waits for it and is run
    again, unless its commit turns out to have come through.
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
            results = await self._patiently(group)
        except Exception as error:
            if len(group) > 1 and not postgres.is_lost(error):
                for one in group:
                    await self._commit([one])
                return
            for one in group:
                if not one.done.done():
                    one.done.set_exception(_public(error))
            return
        self._committed(time.monotonic() - group[0].since, len(group))
        for one, result in zip(group, results, strict=True):
            if not one.done.done():
                one.done.set_result(result)

    async def _patiently(self, group: list[_Waiting]) -> list[Any]:
        """The writes' results, once they are durable."""
        attempt, lost_at, pause = _Attempt(self._engine, group), 0.0, PAUSE_S
        while True:
            try:
                results = await attempt.run()
            except Exception as error:
                if not postgres.is_lost(error) or (lost_at and time.monotonic() - lost_at > PATIENCE_S):
                    raise
                if not lost_at:
                    lost_at = time.monotonic()
                    _log.warning("store.lost", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(PAUSE_MAX_S, 2 * pause)
            else:
                if lost_at:
                    _log.info("store.back", away_s=round(time.monotonic() - lost_at, 1))
                return results


class _Attempt:
    """A group on its way to the disk, perhaps over several connections."""

    def __init__(self, engine: AsyncEngine, group: list[_Waiting]) -> None:
        self._engine = engine
        self._group = group
        self._results: list[Any] = []
        self._transaction = ""
        """Of a commit that was asked for: until it is answered, nobody knows. PostgreSQL alone can be asked."""

    async def run(self) -> list[Any]:
        async with self._engine.connect() as connection:
            if self._transaction and await postgres.was_committed(connection, self._transaction):
                return self._results
            await connection.rollback()
            self._transaction = ""
            async with connection.begin():
                self._results = [await one.write(connection) for one in self._group]
                if self._engine.dialect.name == "postgresql":
                    self._transaction = await postgres.transaction_id(connection)
        return self._results


def _public(error: Exception) -> Exception:
    """What the caller can decide about, without the values that were refused."""
    match error:
        case IntegrityError():
            return Conflict("it exists already, or what it refers to does not")
        case DBAPIError() if postgres.sqlstate(error).startswith(postgres.REFUSED_VALUE):
            return Invalid("the database cannot hold such a value")
        case DBAPIError() | OSError():
            _log.error("the store cannot write", error=type(getattr(error, "orig", error)).__name__)
            return Overloaded("the store cannot write")
        case _:
            return error
