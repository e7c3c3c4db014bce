"""Keeps one media worker running, and tells it what its calls need."""

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import subprocess
from collections import deque
from collections.abc import Callable

import msgspec

from engine.child import framed, messages, spawn
from engine.errors import Overloaded, StartupError
from engine.ports import CallEnded, ClockTick
from media.codecs import CODECS
from media.ports import PortRange
from media.reception import Quality
from media.session import StreamOffer
from media.workers.rings import SharedRings
from media.workers.session import LOSSES, WorkerSession
from media.workers.wire import (
    Close,
    Counted,
    FromWorker,
    Hold,
    Judged,
    Noticed,
    Open,
    Opened,
    Over,
    Ready,
    Refused,
    Spoke,
    Stop,
    Ticked,
    ToWorker,
    Update,
)

STOP_S = 2.0
CLOSE_S = 5.0
"""A worker that has not ended a call by then does not answer: the engine ends it."""
_BACKOFF_S = (0.0, 0.2, 1.0, 5.0)
"""Wait before the next start after so many starts in a row that never became ready."""
_FAILURES = 2
"""Such starts, until whoever waits for readiness is told."""

log = logging.getLogger(__name__)


class WorkerSettings(msgspec.Struct, frozen=True):
    host: str
    ports: PortRange
    """This worker's own."""
    gated: bool = False


class Keeper:
    """One worker and the calls that are pinned to it (`media.workers.session.Home`). `start` it in the loop that uses
    it, `aclose` it there; on Linux the process dies with the thread that started it.

    A worker that dies is followed by another, which goes on with its calls on the same ports: what was said meanwhile
    is not heard, what came before stays readable."""

    def __init__(
        self,
        settings: WorkerSettings,
        counted: Callable[[str, int], None] = lambda fate, packets: None,
        judged: Callable[[Quality], None] = lambda quality: None,
    ) -> None:
        self.starts = 0
        self.ready = asyncio.Event()
        """It takes calls."""
        self.sessions: dict[int, WorkerSession] = {}
        """By number."""
        self._settings = settings
        self._counted, self._judged = counted, judged
        places = (settings.ports.last - settings.ports.first + 1) // 2
        self._rings = SharedRings.create(places)
        self._free = deque(range(places))
        self._asked: dict[int, asyncio.Future[Opened]] = {}
        self._questions = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        """No call is here."""
        self._idle.set()
        self._failing = asyncio.Event()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the process now running; None between two."""
        return None if self._process is None else self._process.pid

    @property
    def streams(self) -> int:
        """That it hears now."""
        return sum(len(session.places) for session in self.sessions.values())

    async def wait_ready(self) -> None:
        """Returns once it takes calls. Raises `StartupError` when its process fails again and again."""
        news = [asyncio.create_task(event.wait()) for event in (self.ready, self._failing)]
        try:
            await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in news:
                waiting.cancel()
        if not self.ready.is_set():
            raise StartupError("a media worker does not start; its log says why")

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="media-worker")

    async def aclose(self) -> None:
        """Ends every call with `shutdown`, then the process."""
        for session in list(self.sessions.values()):
            session.close("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self._idle.wait()
        for session in list(self.sessions.values()):
            self._finish(session, CallEnded(session.now_ms(), "shutdown"))
        self._closed = True
        self._send(Stop())
        if self._process is not None and self.ready.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, STOP_S)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
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
            self._send(Close(session.number, "cancelled"))
            raise

    async def update(self, session: WorkerSession, streams: tuple[StreamOffer, ...]) -> None:
        if session.closing:
            return
        places = self._take(session, streams)
        await self._ask(session, Update(session.number, streams, places, next(self._questions)), streams)

    def hold(self, session: WorkerSession, held: bool) -> None:
        self._send(Hold(session.number, held))

    def close(self, session: WorkerSession, reason: str) -> None:
        if session.number not in self.sessions:
            return
        ended = CallEnded(session.now_ms(), reason)
        if not self.ready.is_set():  # nobody hears it now
            self._finish(session, ended)
            return
        self._send(Close(session.number, reason))
        asyncio.get_running_loop().call_later(CLOSE_S, self._finish, session, ended)

    def _take(self, session: WorkerSession, streams: tuple[StreamOffer, ...]) -> dict[str, int]:
        """A ring for each stream that has none yet."""
        new = [offer.stream for offer in streams if offer.stream not in session.places]
        if len(new) > len(self._free):
            raise Overloaded("no RTP port is free")
        return {stream: self._free.popleft() for stream in new}

    async def _ask(self, session: WorkerSession, message: Open | Update, streams: tuple[StreamOffer, ...]) -> None:
        answer = self._asked[message.asked] = asyncio.get_running_loop().create_future()
        session.places |= message.rings
        self._send(message)
        try:
            opened = await answer
        except BaseException:
            for stream, place in message.rings.items():
                del session.places[stream]
                self._free.append(place)
            raise
        finally:
            self._asked.pop(message.asked, None)
        rates = {offer.stream: CODECS[offer.codec].rate_hz for offer in streams}
        rings = {stream: self._rings.ring(place, rates[stream]) for stream, place in message.rings.items()}
        session.opened(streams, opened.ports, opened.numbers, rings)

    # ─── the process ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _keep(self) -> None:
        failures = 0
        while not self._closed:
            try:
                await self._run()
            except Exception:
                log.exception("a media worker's connection broke")
            finally:
                failures = 0 if self.ready.is_set() else failures + 1
                if failures >= _FAILURES:
                    self._failing.set()
                self._lose()
                await asyncio.shield(asyncio.to_thread(self._reap))
            if not self._closed:
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])

    async def _run(self) -> None:
        """One process's life."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = self._spawn(theirs)
            self.starts += 1
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        try:
            async for message in messages(reader, msgspec.msgpack.Decoder(FromWorker)):
                self._take_in(message)
        finally:
            self._writer.close()
            self._writer = None

    def _spawn(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        settings = self._settings
        arguments = {
            "socket-fd": theirs.fileno(),
            "rings-fd": self._rings.fd,
            "rings": self._rings.count,
            "parent": os.getpid(),
            "host": settings.host,
            "first-port": settings.ports.first,
            "last-port": settings.ports.last,
            "gated": int(settings.gated),
        }
        return spawn("media.workers.process", arguments, (theirs.fileno(), self._rings.fd))

    def _take_in(self, message: FromWorker) -> None:
        match message:
            case Ready():
                self._resume()
            case Counted(fate, packets):
                self._counted(fate, packets)
            case Judged(quality):
                self._judged(quality)
            case Opened() | Refused():
                self._answered(message)
            case Spoke(number, event) | Noticed(number, event):
                if (session := self.sessions.get(number)) is not None:
                    session.heard(event)
            case Ticked(number, at_ms):
                if (session := self.sessions.get(number)) is not None:
                    session.heard(ClockTick(at_ms))
            case Over(number, ended):
                if (session := self.sessions.get(number)) is not None:
                    self._finish(session, ended)

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

    def _resume(self) -> None:
        log.info("media worker %s hears ports %s", self.pid, self._settings.ports)
        for session in list(self.sessions.values()):
            self._send(session.reopening())
        self._failing.clear()
        self.ready.set()

    def _lose(self) -> None:
        """The process is gone; its calls wait for the next, but those that so many died with."""
        self.ready.clear()
        if self._closed:
            return
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
        for place in session.places.values():
            self._rings.wipe(place)
            self._free.append(place)

    def _forget(self, session: WorkerSession) -> None:
        self.sessions.pop(session.number, None)
        if not self.sessions:
            self._idle.set()

    def _reap(self) -> None:
        """Blocking. No process of ours outlives its connection."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _send(self, message: ToWorker) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(framed(message))
