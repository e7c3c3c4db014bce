"""A sink that waits for a store which cannot write: what a call has said is late then, and never lost."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from engine.errors import Overloaded
from engine.facts import Draft, Fact
from engine.ports.storage import CallRecord, FactSink
from engine.tokens import Token

log = structlog.get_logger(__name__)

PAUSE_S, PAUSE_MAX_S = 0.5, 5.0
"""Between two tries: the first pause, doubled up to the second."""


class PatientSink:
    """Implements `FactSink` on another one. Meanwhile the call's own queue fills, which holds back its media."""

    def __init__(
        self,
        sink: FactSink,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._pause = pause
        self._clock_s = clock_s
        self._waiting: dict[int, float] = {}
        """When each write that is under way was asked for, by its number: the store itself tries for half a minute
        before it refuses one."""
        self._numbers = itertools.count()

    @property
    def waited_s(self) -> float:
        """How long the write that waits longest has; 0 when none does."""
        return self._clock_s() - min(self._waiting.values()) if self._waiting else 0.0

    async def opened(self, record: CallRecord) -> None:
        await self._patiently(lambda: self._sink.opened(record))

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        await self._patiently(lambda: self._sink.publish(record, facts, tokens))

    def draft(self, record: CallRecord, draft: Draft) -> None:
        self._sink.draft(record, draft)

    async def changed(self, record: CallRecord) -> None:
        await self._patiently(lambda: self._sink.changed(record))

    async def _patiently(self, write: Callable[[], Awaitable[None]]) -> None:
        pause_s, number = PAUSE_S, next(self._numbers)
        self._waiting[number] = self._clock_s()
        try:
            while True:
                try:
                    return await write()
                except Overloaded:
                    log.warning("call.waits_for_store")
                await self._pause(pause_s)
                pause_s = min(PAUSE_MAX_S, 2 * pause_s)
        finally:
            del self._waiting[number]
