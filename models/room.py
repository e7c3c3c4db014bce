"""Which window gets room in the memory that `engine` and `ears` share."""

import asyncio

from engine.errors import EarsClosed
from engine.facts import Pcm16
from engine.ports.hearing import ListenJob
from models.listening import Windows


class Room:
    """The engine's side. Used on one event loop."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self._waiting: set[tuple[float, int]] = set()
        """Finals: when each is due, and its number."""
        self._freed = asyncio.Event()
        self._closed = False

    async def take(self, job: ListenJob, pcm: Pcm16) -> int | None:
        """Copy a window in; returns its offset. Finals wait until they can be, in the order in which they are due; for
        the rest there is no room either while one waits. Raises `EarsClosed`."""
        if job.kind != "final":
            return None if self._waiting else self._put(pcm)
        turn = (job.due, job.job)
        self._waiting.add(turn)
        try:
            while turn != min(self._waiting) or (offset := self._put(pcm)) is None:
                self._freed.clear()
                await self._freed.wait()
            return offset
        finally:
            self._waiting.remove(turn)
            self._freed.set()  # the next may have room beside it

    def free(self, offset: int) -> None:
        self.windows.free(offset)
        self._freed.set()

    def close(self) -> None:
        """No window is taken any more; those that are there stay."""
        self._closed = True
        self._freed.set()

    def _put(self, pcm: Pcm16) -> int | None:
        if self._closed:
            raise EarsClosed("ears is closed")
        return self.windows.put(pcm)
