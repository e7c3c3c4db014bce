"""The clock of all socket calls: every 20 ms, what has come is judged by the VAD in one batch."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from engine.ports import CallOffer
from media.hearing import Hearing, listen
from media.segmenter import Endpointing
from media.sockets.session import SocketSession
from media.sockets.track import AHEAD_MS
from media.vad import VadBank

log = logging.getLogger(__name__)

TICK_S = 0.020
SUSPEND_AFTER_S = 30.0


class SocketPlane:
    """Owns the sessions. `start` it in the loop that calls it, `aclose` it there."""

    def __init__(
        self,
        *,
        bank: VadBank | None = None,
        endpointing: Endpointing | None = None,
        suspend_after_s: float = SUSPEND_AFTER_S,
        ahead_ms: float = AHEAD_MS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._bank = bank or VadBank()
        self._endpointing = endpointing
        self._suspend_after_ms = suspend_after_s * 1000
        self._ahead_ms = ahead_ms
        self._sessions: dict[int, SocketSession] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "SocketPlane":
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="socket-plane")

    async def aclose(self) -> None:
        """Ends every call with `shutdown`."""
        for session in list(self._sessions.values()):
            session.close("shutdown")
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def open(self, offer: CallOffer) -> SocketSession:
        """The call's clock starts now; its channels come with `SocketSession.add`."""
        hearing = Hearing(offer, self._bank, endpointing=self._endpointing)
        session = SocketSession(hearing, self.clock, ahead_ms=self._ahead_ms, over=self._release)
        self._sessions[id(session)] = session
        return session

    def _release(self, session: SocketSession) -> None:
        self._sessions.pop(id(session), None)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self.tick()
            except Exception:
                log.exception("a tick of the sockets failed; the calls go on")

    def tick(self) -> None:
        """Hears what has come on all calls since the last tick."""
        sessions = list(self._sessions.values())
        sound = [session for session in sessions if self._fill(session)]
        self._listen(sound)
        for session in sound:
            session.watch_silence(self._suspend_after_ms)
            session.hearing.tick()

    def _fill(self, session: SocketSession) -> bool:
        try:
            session.fill()
        except Exception:
            log.exception("a call's sound cannot be placed; it ends")
            session.abandon()
            return False
        return True

    def _listen(self, sessions: Sequence[SocketSession]) -> None:
        listen(self._bank, [session.hearing for session in sessions])
