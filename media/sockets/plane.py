"""The clock of all socket calls: every 20 ms, what has come is judged by the VAD in one batch."""

import logging
import time
from collections.abc import Callable, Sequence

from engine.ports.intake import CallOffer
from media.hearing import Hearing, listen
from media.plane import Plane
from media.segmenter import Endpointing
from media.sockets.session import SocketSession
from media.sockets.track import AHEAD_MS
from media.vad import VadBank

log = logging.getLogger(__name__)

SUSPEND_AFTER_S = 30.0


class SocketPlane(Plane[SocketSession]):
    """Owns the sessions."""

    def __init__(
        self,
        *,
        bank: VadBank | None = None,
        endpointing: Endpointing | None = None,
        suspend_after_s: float = SUSPEND_AFTER_S,
        ahead_ms: float = AHEAD_MS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("socket-plane", clock)
        self._bank = bank or VadBank()
        self._endpointing = endpointing
        self._suspend_after_ms = suspend_after_s * 1000
        self._ahead_ms = ahead_ms

    def open(self, offer: CallOffer) -> SocketSession:
        """The call's clock starts now; its channels come with `SocketSession.add`."""
        hearing = Hearing(offer, self._bank, endpointing=self._endpointing)
        session = SocketSession(hearing, self.clock, ahead_ms=self._ahead_ms, over=self._release)
        self._sessions[id(session)] = session
        return session

    def _release(self, session: SocketSession) -> None:
        self._sessions.pop(id(session), None)

    def tick(self) -> None:
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
