"""The one writer of a database: it commits in groups.

Everything that is written goes through one task. It takes all writes that wait, up to `GROUP`, runs them in one
transaction and commits once, so that a hundred calls cost as many disk syncs as one. A writer's caller resumes when its
data are durable, in the order of the writes.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from engine.errors import Conflict, Invalid, Overloaded
from engine.store import postgres, sqlite

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
"""A server that is away, or a disk that is full, no longer than this costs time and no data: what is written meanwhile
waits."""
PROBE_EVERY_S, PROBE_S = 5.0, 1.0
"""Between two looks whether writes succeed again, and how long whoever asks waits for one."""

HANGS_S = 5.0
"""A group that is written for longer than this without an answer: the disk or the server stalls, and says nothing."""


class _Waiting(NamedTuple):
    write: Write
    done: "asyncio.Future[Any]"
    since: float
    patient: bool = True


class Writer:
    """Runs writes one after another and commits them in groups.

    A group is tried as a whole; when one of its writes fails, the group is rolled back and each is run in a transaction
    of its own, so that the failure stays with its owner. When the server goes away, or the disk is full, the group
    waits for it and is run again, unless its commit turns out to have come through.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        committed: Callable[[float, int], None],
        *,
        probe: Write,
        back: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`committed(seconds, writes)` is told how long the oldest write of each group waited. `probe` is a write that
        leaves nothing; `back` is told when the first write has succeeded after one that did not."""
        self._engine = engine
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(WAITING)
        self._committed = committed
        self._probe = probe
        self._back = back
        self._clock = clock
        self._sleep = sleep
        self._lost_at: float | None = None
        self._begun_at: float | None = None
        """Of the group in hand."""
        self._probing: asyncio.Task[None] | None = None
        self._probed_at = 0.0
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="store writer")

    async def write(self, write: Callable[[AsyncConnection], Awaitable[T]], *, patient: bool = True) -> T:
        """Returns once committed. Raises `Conflict` when a constraint refuses it, `Overloaded` when the disk does; not
        `patient`, at once."""
        if self._closed:
            raise RuntimeError("the store is closed")
        waiting = _Waiting(write, asyncio.get_running_loop().create_future(), self._clock(), patient)
        await self._queue.put(waiting)
        result: T = await waiting.done
        return result

    def waiting(self) -> int:
        return self._queue.qsize()

    async def writable(self) -> bool:
        """Whether the last write was committed, and none hangs. After one that was not, asking tries one now and then,
        so that the store is known to be back also when nobody writes."""
        now = self._clock()
        idle = self._probing is None or self._probing.done()
        if self._lost_at is not None and idle and now - max(self._lost_at, self._probed_at) >= PROBE_EVERY_S:
            self._probed_at = now
            self._probing = asyncio.create_task(self._try(), name="store probe")
            await asyncio.wait([self._probing], timeout=PROBE_S)
        return self._lost_at is None and (self._begun_at is None or now - self._begun_at <= HANGS_S)

    async def _try(self) -> None:
        with contextlib.suppress(Overloaded):  # it is still away
            await self.write(self._probe, patient=False)

    async def close(self) -> None:
        """Commits what waits, then ends."""
        if not self._closed:
            self._closed = True
            if self._probing is not None:
                self._probing.cancel()
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
                self._begun_at = self._clock()
                await self._commit(group)
                self._begun_at = None

    async def _commit(self, group: list[_Waiting]) -> None:
        try:
            results = await self._patiently(group)
        except Exception as error:
            if len(group) > 1 and not _is_lost(error):
                for one in group:
                    await self._commit([one])
                return
            if _is_disk(error):
                self._lost(error)
                _log.error("the store cannot write", error=name_of(error), writes=len(group))
            for one in group:
                if not one.done.done():
                    one.done.set_exception(_public(error))
            return
        self._regained()
        self._committed(self._clock() - group[0].since, len(group))
        for one, result in zip(group, results, strict=True):
            if not one.done.done():
                one.done.set_result(result)

    async def _patiently(self, group: list[_Waiting]) -> list[Any]:
        """The writes' results, once they are durable."""
        attempt, pause = _Attempt(self._engine, group), PAUSE_S
        until: float | None = None if any(one.patient for one in group) else 0.0
        while True:
            try:
                return await attempt.run()
            except Exception as error:
                if not _is_lost(error):
                    raise
                self._lost(error)
                until = self._clock() + PATIENCE_S if until is None else until
                if self._clock() > until:
                    raise
                await self._sleep(pause)
                pause = min(PAUSE_MAX_S, 2 * pause)

    def _lost(self, error: Exception) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock()
            _log.warning("store.lost", error=name_of(error))

    def _regained(self) -> None:
        if self._lost_at is not None:
            _log.info("store.back", away_s=round(self._clock() - self._lost_at, 1))
            self._lost_at = None
            self._back()


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
            try:
                return await self._over(connection)
            except Exception as error:
                if postgres.is_lost(error):
                    await connection.invalidate()  # the next try goes to whatever server the address leads to by then
                raise

    async def _over(self, connection: AsyncConnection) -> list[Any]:
        if self._transaction and await postgres.was_committed(connection, self._transaction):
            return self._results
        await connection.rollback()
        self._transaction = ""
        async with connection.begin():
            self._results = [await one.write(connection) for one in self._group]
            if self._engine.dialect.name == "postgresql":
                self._transaction = await postgres.transaction_id(connection)
        return self._results


def _is_lost(error: Exception) -> bool:
    """Whether the same may succeed a little later."""
    return postgres.is_lost(error) or sqlite.is_lost(error)


def _is_disk(error: Exception) -> bool:
    """Whether it is the database that fails, and not what was to be written."""
    if isinstance(error, IntegrityError) or postgres.sqlstate(error).startswith(postgres.REFUSED_VALUE):
        return False
    return isinstance(error, (DBAPIError, OSError)) or _is_lost(error)


def name_of(error: Exception) -> str:
    """Its type and the driver's code (`OperationalError SQLITE_FULL`); its text may quote what was to be written."""
    of_driver = getattr(error, "orig", error)
    code = getattr(of_driver, "sqlite_errorname", "") or postgres.sqlstate(error)
    return f"{type(of_driver).__name__} {code}".rstrip()


def _public(error: Exception) -> Exception:
    """What the caller can decide about, without the values that were refused."""
    match error:
        case IntegrityError():
            return Conflict("it exists already, or what it refers to does not")
        case DBAPIError() if postgres.sqlstate(error).startswith(postgres.REFUSED_VALUE):
            return Invalid("the database cannot hold such a value")
        case _ if _is_disk(error):
            return Overloaded("the store cannot write")
        case _:
            return error
