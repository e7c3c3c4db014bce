"""What one call has yet to commit, in order: finals as their speech ended, the audio clock, notices, and the desk's
commands."""

import asyncio
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


class CallQueue:
    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._items: asyncio.Queue[Item] = asyncio.Queue(QUEUE)

    async def get(self) -> Item:
        return await self._items.get()

    async def put(self, item: FromMedia) -> None:
        """Waits for room: nothing that was heard is lost here."""
        await self._items.put(item)

    def offer(self, item: Command | EarsNotice | TapeNotice | WordedCard) -> None:
        """Never blocks: a full queue drops it, save a pause, which raises `Overloaded`."""
        try:
            self._items.put_nowait(item)
        except asyncio.QueueFull:
            if isinstance(item, Command) and item.command.name in ("pause", "resume"):
                raise Overloaded("the call is behind; try again") from None  # a pause must not be lost in silence
            log.warning("call.dropped", call_id=self._call_id, what=type(item).__name__)
