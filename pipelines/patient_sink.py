"""A sink that waits for a store which cannot write: what a call has said is late then, and never lost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from engine.errors import Overloaded
from engine.facts import Draft, Fact
from engine.ports.storage import CallRecord, FactSink

log = structlog.get_logger(__name__)

PAUSE_S, PAUSE_MAX_S = 0.5, 5.0
"""Between two tries: the first pause, doubled up to the second."""


class PatientSink:
    """Implements `FactSink` on another one. Meanwhile the call's own queue fills, which holds back its media."""

    def __init__(self, sink: FactSink, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sink = sink
        self._pause = pause

    async def opened(self, record: CallRecord) -> None:
        await self._patiently(lambda: self._sink.opened(record))

    async def publish(self, record: CallRecord, facts: Sequence[Fact]) -> None:
        await self._patiently(lambda: self._sink.publish(record, facts))

    def draft(self, record: CallRecord, draft: Draft) -> None:
        self._sink.draft(record, draft)

    async def changed(self, record: CallRecord) -> None:
        await self._patiently(lambda: self._sink.changed(record))

    async def _patiently(self, write: Callable[[], Awaitable[None]]) -> None:
        pause_s = PAUSE_S
        while True:
            try:
                return await write()
            except Overloaded:
                log.warning("call.waits_for_store")
            await self._pause(pause_s)
            pause_s = min(PAUSE_MAX_S, 2 * pause_s)
