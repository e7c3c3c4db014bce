"""What one call has yet to commit, in order: finals as their speech ended, the audio clock, notices, and the desk's
commands."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import structlog

from engine.errors import Overloaded
from engine.facts import EventName
from engine.ports.desk import DeskCommand, Person
from engine.ports.intake import CallEnded, ClockTick, MediaNotice, ParticipantsChanged
from pipelines.card_wording import WordedCard
from pipelines.lane import Finished

log = structlog.get_logger(__name__)

T = TypeVar("T")

QUEUE = 256
"""Items waiting to be committed; a full queue holds back the media events, which have a bound and a policy of their
own."""

LATE = 32
"""Notices that are kept beside a full queue; the newest say how things stand."""


class Command(msgspec.Struct, frozen=True):
    person: Person
    command: DeskCommand
    at_ms: int
    """Media time at which it was given."""


class EarsNotice(msgspec.Struct, frozen=True):
    up: bool


class TapeNotice(msgspec.Struct, frozen=True):
    name: EventName
    at_ms: int
    data: dict[str, Any]


FromMedia = asyncio.Task[Finished] | ClockTick | ParticipantsChanged | MediaNotice | CallEnded
"""What comes of listening to the media."""
Item = FromMedia | Command | EarsNotice | TapeNotice | WordedCard


class _Time:
    """Where the clock stands: ticks with nothing between them are one, so that a call whose judgement waits for long
    keeps hearing."""

    def __init__(self, tick: ClockTick) -> None:
        self.tick = tick


class CallQueue:
    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._items: asyncio.Queue[Item | _Time] = asyncio.Queue(QUEUE)
        self._time: _Time | None = None
        """The last item, if it is a time."""
        self._late: deque[tuple[int, EarsNotice | TapeNotice]] = deque()
        """Notices that found the queue full, each with how many items go before it."""
        self._count = 0
        """Of all items that were queued."""

    async def get(self) -> Item:
        if (notice := self._due()) is not None:
            return notice
        return self._taken(await self._items.get())

    def get_nowait(self) -> Item | None:
        if (notice := self._due()) is not None:
            return notice
        with suppress(asyncio.QueueEmpty):
            return self._taken(self._items.get_nowait())
        return None

    async def meanwhile(self, work: Coroutine[Any, Any, T], commit: Callable[[Item], Awaitable[None]]) -> T:
        """What the work gives; until then items are committed as they come. Cancels the work when it fails or is
        cancelled itself."""
        working = asyncio.create_task(work)
        getting: asyncio.Task[Item] | None = None
        try:
            while not working.done():
                getting = asyncio.create_task(self.get())
                await asyncio.wait({working, getting}, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    await commit(getting.result())
            return working.result()
        finally:
            working.cancel()
            if getting is not None:
                getting.cancel()

    def _due(self) -> EarsNotice | TapeNotice | None:
        """A notice that came when the queue was full, once what was before it has been taken."""
        if self._late and self._late[0][0] <= self._count - self._items.qsize():
            return self._late.popleft()[1]
        return None

    def _taken(self, item: Item | _Time) -> Item:
        if not isinstance(item, _Time):
            return item
        if item is self._time:
            self._time = None
        return item.tick

    async def put(self, item: FromMedia) -> None:
        """Waits for room: nothing that was heard is lost here."""
        if not isinstance(item, ClockTick):
            self._time = None
            await self._items.put(item)
            self._count += 1
        elif self._time is not None:
            self._time.tick = item
        else:
            time = _Time(item)
            await self._items.put(time)
            self._count += 1
            self._time = time

    def offer(self, item: Command | EarsNotice | TapeNotice | WordedCard) -> None:
        """Never blocks: a full queue drops a card's wording, and all but the newest notice of `ears`. Raises
        `Overloaded` when it is what a person does: nobody's judgement, claim or pause is lost in silence."""
        try:
            self._items.put_nowait(item)
        except asyncio.QueueFull:
            if isinstance(item, Command):
                raise Overloaded("the call is behind; try again") from None
            if isinstance(item, WordedCard):
                log.warning("call.dropped", call_id=self._call_id, what=type(item).__name__)
            else:
                self._put_off(item)
        else:
            self._count += 1
            self._time = None

    def _put_off(self, notice: EarsNotice | TapeNotice) -> None:
        if isinstance(notice, EarsNotice):
            self._late = deque(late for late in self._late if not isinstance(late[1], EarsNotice))
        self._late.append((self._count, notice))
        if len(self._late) > LATE:
            _, dropped = self._late.popleft()
            log.warning("call.dropped", call_id=self._call_id, what=type(dropped).__name__)
