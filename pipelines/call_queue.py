"""What one call has yet to commit, in order: finals as their speech ended, the audio clock, notices, and the desk's
commands."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from engine.errors import Overloaded
from engine.facts import EventName
from engine.ports.desk import DeskCommand, Person
from engine.ports.intake import CallEnded, ClockTick, MediaNotice, ParticipantsChanged
from pipelines.card_wording import WordedCard
from pipelines.transcribe import Finished

log = structlog.get_logger(__name__)

QUEUE = 256
"""Items waiting to be committed; a full queue holds back the media events, which have a bound and a policy of their
own."""


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
        self._ears: EarsNotice | None = None
        """The last that found the queue full."""

    async def get(self) -> Item:
        if self._ears is not None:
            notice, self._ears = self._ears, None
            return notice
        return self._taken(await self._items.get())

    def get_nowait(self) -> Item | None:
        with suppress(asyncio.QueueEmpty):
            return self._taken(self._items.get_nowait())
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
        elif self._time is not None:
            self._time.tick = item
        else:
            time = _Time(item)
            await self._items.put(time)
            self._time = time

    def offer(self, item: Command | EarsNotice | TapeNotice | WordedCard) -> None:
        """Never blocks: a full queue drops it. Raises `Overloaded` when that is what a person does: nobody's judgement,
        claim or pause is lost in silence."""
        try:
            self._items.put_nowait(item)
        except asyncio.QueueFull:
            if isinstance(item, Command):
                raise Overloaded("the call is behind; try again") from None
            if isinstance(item, EarsNotice):
                self._ears = item
            log.warning("call.dropped", call_id=self._call_id, what=type(item).__name__)
        else:
            self._time = None
