"""The calls that are pinned to one media worker, and what they need of it."""

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from collections.abc import Callable

from engine.errors import Overloaded
from engine.ports.intake import CallEnded, ClockTick, MediaEvent
from media.codecs import CODECS
from media.reception import Quality
from media.session import StreamOffer
from media.workers.line import STOP_S, WorkerLine, WorkerSettings
from media.workers.rings import SharedRings
from media.workers.session import LOSSES, WorkerSession
from media.workers.wire import (
    Close,
    Counted,
    FromWorker,
    Judged,
    Noticed,
    Open,
    Opened,
    Over,
    Ready,
    Refused,
    Spoke,
    Ticked,
    ToWorker,
    Update,
)

CLOSE_S = 5.0
"""A worker that has not ended a call by then does not answer: the engine ends it."""
ASK_S = 10.0
"""A worker answers one question after another, each within milliseconds: one that does not hears nothing any more."""

log = logging.getLogger(__name__)


class Keeper:
    """`media.workers.session.Home`. Start its `line` in the loop that uses it, `aclose` it there.

    A worker that dies, or hangs, is followed by another, which goes on with its calls on the same ports: what was said
    meanwhile is not heard, what came before stays readable."""

    def __init__(
        self,
        settings: WorkerSettings,
        counted: Callable[[str, int], None] = lambda fate, packets: None,
        judged: Callable[[Quality], None] = lambda quality: None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.sessions: dict[int, WorkerSession] = {}
        """By number."""
        places = (settings.ports.last - settings.ports.first + 1) // 2
        self._rings = SharedRings.create(places)
        self.line = WorkerLine(settings, self._rings, self._take_in, self._lose)
        self._counted, self._judged = counted, judged
        self._tell_lost = lost
        self._free = deque(range(places))
        self._asked: dict[int, asyncio.Future[Opened]] = {}
        self._questions = itertools.count(1)
        self._idle = asyncio.Event()
        """No call is here."""
        self._idle.set()

    @property
    def streams(self) -> int:
        """That it hears now."""
        return sum(len(session.places) for session in self.sessions.values())

    async def aclose(self) -> None:
        """Ends every call with `shutdown`, then the process."""
        for session in list(self.sessions.values()):
            session.close("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self._idle.wait()
        for session in list(self.sessions.values()):
            self._finish(session, CallEnded(session.now_ms(), "shutdown"))
        await self.line.aclose()
        self._rings.close()

    # ─── what the pool and its sessions ask ──────────────────────────────────────────────────────────────────────────

    async def open(self, session: WorkerSession, streams: tuple[StreamOffer, ...]) -> None:
        """Pins the call to this worker. Raises `Overloaded`, and then it is not."""
        places = self._take(session, streams)
        asked = next(self._questions)
        message = Open(session.number, session.offer, streams, places, session.answered_s, asked=asked)
        self.sessions[session.number] = session
        self._idle.clear()
        try:
            await self._ask(session, message, streams)
        except BaseException:
            self._forget(session)
            self._free.extend(session.give_back(session.places))  # whoever gets them is opened behind this `Close`
            self.send(Close(session.number, "cancelled"))
            raise

    async def update(self, session: WorkerSession, streams: tuple[StreamOffer, ...]) -> None:
        await self.line.wait_ready()  # where the worker has just died: a second or two
        if session.closing:
            return
        places = self._take(session, streams)
        try:
            await self._ask(session, Update(session.number, streams, places, next(self._questions)), streams)
        except asyncio.CancelledError:  # the worker opens them all the same: it is told what holds
            self.send(Update(session.number, session.streams, {}, next(self._questions)))
            raise

    def send(self, message: ToWorker) -> None:
        self.line.send(message)

    def close(self, session: WorkerSession, reason: str) -> None:
        if session.number not in self.sessions:
            return
        ended = CallEnded(session.now_ms(), reason)
        if not self.line.ready.is_set():  # nobody hears it now
            self._finish(session, ended)
            return
        self.send(Close(session.number, reason))
        asyncio.get_running_loop().call_later(CLOSE_S, self._finish, session, ended)

    def _take(self, session: WorkerSession, streams: tuple[StreamOffer, ...]) -> dict[str, int]:
        """A ring for each stream that has none yet."""
        new = [offer.stream for offer in streams if offer.stream not in session.places]
        if len(new) > len(self._free):
            raise Overloaded("no RTP port is free")
        return {stream: self._free.popleft() for stream in new}

    async def _ask(self, session: WorkerSession, message: Open | Update, streams: tuple[StreamOffer, ...]) -> None:
        """From here on the rings are the call's: until it ends, unless the worker refuses them."""
        answer = self._asked[message.asked] = asyncio.get_running_loop().create_future()
        rates = {offer.stream: CODECS[offer.codec].rate_hz for offer in streams}
        rings = {stream: self._rings.ring(place, rates[stream]) for stream, place in message.rings.items()}
        session.lend(message.rings, rings)
        self.line.watch.owes(f"answer {message.asked}", ASK_S)
        self.send(message)
        try:
            opened = await answer
        except Overloaded:
            self._free.extend(session.give_back(message.rings))
            raise
        finally:
            del self._asked[message.asked]
            self.line.watch.gave(f"answer {message.asked}")
        session.opened(streams, opened.ports, opened.numbers)

    # ─── what the worker says ────────────────────────────────────────────────────────────────────────────────────────

    def _take_in(self, message: FromWorker) -> None:
        match message:
            case Ready():
                for session in list(self.sessions.values()):
                    for needed in session.reopening():
                        self.send(needed)
            case Counted(fate, packets):
                self._counted(fate, packets)
            case Judged(quality):
                self._judged(quality)
            case Opened() | Refused():
                self._answered(message)
            case Spoke(number, event) | Noticed(number, event):
                self._heard(number, event)
            case Ticked(number, at_ms):
                self._heard(number, ClockTick(at_ms))
            case Over(number, ended):
                if number in self.sessions:
                    self._finish(self.sessions[number], ended)

    def _heard(self, number: int, event: MediaEvent) -> None:
        if number in self.sessions:
            self.sessions[number].heard(event)

    def _answered(self, message: Opened | Refused) -> None:
        waiting = self._asked.get(message.asked)
        if waiting is not None and not waiting.done():
            if isinstance(message, Opened):
                waiting.set_result(message)
            else:
                waiting.set_exception(Overloaded(message.why))
        elif isinstance(message, Refused) and not message.asked and message.session in self.sessions:
            session = self.sessions[message.session]  # its ports were taken while no worker lived
            self._finish(session, CallEnded(session.now_ms(), "error"))

    def _lose(self) -> None:
        """The worker is gone; its calls wait for the next, but those that so many died with."""
        self._tell_lost()
        log.warning("a media worker is gone with %d calls; another takes them", len(self.sessions))
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Overloaded("the media worker is gone"))
        for session in list(self.sessions.values()):
            session.lost()
            if session.closing or session.losses >= LOSSES:
                self._finish(session, CallEnded(session.now_ms(), session.closing or "error"))

    def _finish(self, session: WorkerSession, ended: CallEnded) -> None:
        """Idempotent."""
        if session.number not in self.sessions:
            return
        self._forget(session)
        session.finish(ended)
        places, session.places = session.places, {}  # whoever still waits for an answer has none to give back
        for place in places.values():
            self._rings.wipe(place)
            self._free.append(place)

    def _forget(self, session: WorkerSession) -> None:
        self.sessions.pop(session.number, None)
        if not self.sessions:
            self._idle.set()
