"""The RTP plane: a UDP port per m-line, and one clock of 20 ms on which every call's packets become speech segments.

Datagrams only queue as they come; each tick takes all legs of all calls together, so that G.711 is decoded in one table
look-up and the VAD runs in one batch.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any

import msgspec

from engine.errors import Overloaded
from engine.facts import Pcm16
from engine.ports import CallEnded, CallOffer, MediaEvent, MediaNotice, Participant, ParticipantsChanged
from media.hearing import Hearing, listen
from media.ports import PortPool, PortRange
from media.rtp_stream import RtpStream, decode_all
from media.segmenter import Endpointing
from media.session import StreamOffer
from media.vad import VadBank

log = logging.getLogger(__name__)

TICK_S = 0.020
SUSPEND_AFTER_S = 30.0
RECEIVE_BUFFER = 1 << 19
"""Kernel memory for packets that come while the loop is busy: seconds of one stream."""
LOG_DROPS_EVERY_S = 10.0


class PlaneCounters(msgspec.Struct):
    """Totals since start, of calls that are over and of those that are live."""

    packets: int = 0
    lost: int = 0
    dropped: int = 0
    ticks: int = 0
    late_ticks: int = 0


class _Port(asyncio.DatagramProtocol):
    """One bound socket. Before `stream` is set and after it is taken away, datagrams are dropped."""

    def __init__(self, number: int, sock: socket.socket, now_ms: Callable[[], float]) -> None:
        self.number = number
        self.stream: RtpStream | None = None
        self._socket = sock
        self._now_ms = now_ms
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._socket)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self.stream is not None:
            self.stream.receive(data, (addr[0], addr[1]), self._now_ms())

    def error_received(self, exc: Exception) -> None:
        """ICMP errors say nothing about a port that only receives."""

    def drain(self) -> None:
        """Takes what the kernel still holds: the last words of a call that has just ended."""
        with contextlib.suppress(OSError):  # BlockingIOError: empty
            for _ in range(256):
                data, addr = self._socket.recvfrom(4096)
                self.datagram_received(data, addr)

    def close(self) -> None:
        self.stream = None
        if self._transport is not None:
            self._transport.close()
        else:
            self._socket.close()


class RtpSession:
    """One call's RTP (`media.session.MediaSession`). Made by `RtpPlane.allocate`."""

    def __init__(self, plane: "RtpPlane", offer: CallOffer, endpointing: Endpointing | None) -> None:
        self.offer = offer
        self.hearing = Hearing(offer, plane.bank, endpointing=endpointing)
        self.streams: dict[str, RtpStream] = {}
        self._plane = plane
        self._answered_s = plane.clock()
        self._ports: dict[str, _Port] = {}
        self._positions: dict[int, str] = {}
        self._held = False
        self._closed = False
        self._last_packet_s = self._answered_s

    def now_ms(self) -> float:
        """Milliseconds since answer, on the monotonic clock."""
        return (self._plane.clock() - self._answered_s) * 1000

    # ─── what signalling asks ────────────────────────────────────────────────────────────────────────────────────────

    def local_ports(self) -> Mapping[int, int]:
        return {position: self._ports[stream].number for position, stream in self._positions.items()}

    async def update(self, streams: tuple[StreamOffer, ...]) -> None:
        new = [offer for offer in streams if offer.stream not in self.streams]
        ports = await self._plane.open_ports(len(new), self.now_ms)
        if self._closed:  # while the ports opened
            self._plane.close_ports(ports)
            return
        for offer, port in zip(new, ports, strict=True):
            stream = RtpStream(offer, self.hearing)
            stream.silent_since_ms = self.now_ms()
            self.streams[offer.stream] = port.stream = stream
            self._ports[offer.stream] = port
        named = {offer.stream: offer for offer in streams}
        for name, stream in self.streams.items():
            if name not in named:
                stream.heard = False
            elif named[name] is not stream.offer:
                self._renew(stream, named[name])
            if name in named:
                self._positions[named[name].position] = name

    def _renew(self, stream: RtpStream, offer: StreamOffer) -> None:
        if offer.flowing and not stream.offer.flowing:
            stream.silent_since_ms = self.now_ms()
        stream.renew(offer)

    def hold(self) -> None:
        if not self._held:
            self._held = True
            self.hearing.emit(MediaNotice(round(self.now_ms()), "call.held"))

    def resume(self) -> None:
        if self._held:
            self._held = False
            for stream in self.streams.values():
                stream.silent_since_ms = self.now_ms()
            self.hearing.emit(MediaNotice(round(self.now_ms()), "call.resumed"))

    def participants_changed(self, participants: tuple[Participant, ...]) -> None:
        self.hearing.emit(ParticipantsChanged(round(self.now_ms()), participants))

    def last_packet_at(self) -> float:
        newest = [stream.last_packet_ms for stream in self.streams.values() if stream.last_packet_ms is not None]
        return self._answered_s + max(newest, default=0.0) / 1000

    def close(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        for port in self._ports.values():
            port.drain()
        self._plane.release(self, list(self._ports.values()))
        self.hearing.finish(CallEnded(round(self.now_ms()), reason))

    # ─── what pipelines ask ──────────────────────────────────────────────────────────────────────────────────────────

    def events(self) -> AsyncIterator[MediaEvent]:
        return self.hearing.events()

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        return self.hearing.audio(stream, start_ms, end_ms)

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        ahead_ms = self.streams[stream].ahead_ms if stream in self.streams else 0.0
        return self._answered_s * 1000 + at_ms - ahead_ms

    # ─── what the plane does each tick ───────────────────────────────────────────────────────────────────────────────

    def watch_silence(self, now_ms: float, suspend_after_ms: float) -> None:
        """A stream that falls silent is suspended, never deleted; BYE alone ends a call."""
        for name, stream in self.streams.items():
            silent = now_ms - stream.silent_since_ms >= suspend_after_ms
            if silent and not stream.suspended and stream.heard and stream.offer.flowing and not self._held:
                stream.suspended = True
                self.hearing.emit(MediaNotice(round(now_ms), "stream.suspended", name))
            elif stream.suspended and not silent:
                stream.suspended = False
                self.hearing.emit(MediaNotice(round(now_ms), "stream.resumed", name))


class RtpPlane:
    """All calls' RTP (`media.session.MediaAllocator`). `start` it in the loop that calls it, `aclose` it there."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        ports: PortRange | None = None,
        *,
        advertise: str = "",
        suspend_after_s: float = SUSPEND_AFTER_S,
        endpointing: Endpointing | None = None,
        bank: VadBank | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`host` is bound; `advertise` is what peers are told instead, behind NAT."""
        self.bank = bank or VadBank()
        self.clock = clock
        self.counters = PlaneCounters()
        self._host = host
        self._advertise = advertise
        self._pool = PortPool(ports or PortRange(20_000, 23_999))
        self._suspend_after_ms = suspend_after_s * 1000
        self._endpointing = endpointing
        self._sessions: dict[int, RtpSession] = {}
        self._task: asyncio.Task[None] | None = None
        self._dropped_logged = 0
        self._log_drops_at = 0.0

    async def __aenter__(self) -> "RtpPlane":
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="rtp-plane")

    async def aclose(self) -> None:
        """Ends every call with `shutdown`."""
        for session in list(self._sessions.values()):
            session.close("shutdown")
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def address(self, peer_host: str) -> str:
        if self._advertise:
            return self._advertise
        if self._host not in ("0.0.0.0", "::", ""):
            return self._host
        family = socket.AF_INET6 if ":" in peer_host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:  # sends nothing: asks the routing table
            probe.connect((peer_host, 9))
            return str(probe.getsockname()[0])

    async def allocate(self, offer: CallOffer, streams: tuple[StreamOffer, ...]) -> RtpSession:
        session = RtpSession(self, offer, self._endpointing)
        await session.update(streams)
        self._sessions[id(session)] = session
        return session

    async def open_ports(self, count: int, now_ms: Callable[[], float]) -> list[_Port]:
        """Bound and receiving. Raises `Overloaded`, and then none is open."""
        opened: list[_Port] = []
        try:
            for _ in range(count):
                port = self._bind(now_ms)
                opened.append(port)
                await port.open()
        except BaseException:
            self.close_ports(opened)
            raise
        return opened

    def _bind(self, now_ms: Callable[[], float]) -> _Port:
        for _ in range(len(self._pool)):
            number = self._pool.take(self.clock())
            if number is None:
                break
            sock = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            try:
                sock.bind((self._host, number))
            except OSError:  # another program has it
                sock.close()
                self._pool.give_back(number, self.clock(), unused=True)
                continue
            return _Port(number, sock, now_ms)
        raise Overloaded("no RTP port is free")

    def close_ports(self, ports: list[_Port]) -> None:
        for port in ports:
            port.close()
            self._pool.give_back(port.number, self.clock())

    def release(self, session: RtpSession, ports: list[_Port]) -> None:
        """The session is closing: hears what has come, frees the ports and forgets it."""
        self._sessions.pop(id(session), None)
        self._hear([session], last=True)
        for stream in session.streams.values():
            self.counters.packets += stream.packets
            self.counters.lost += stream.lost
            self.counters.dropped += stream.dropped
        self.close_ports(ports)

    # ─── the clock ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        due = self.clock()
        while True:
            due += TICK_S
            behind = self.clock() - due
            if behind > 5 * TICK_S:  # the process was stopped: catch up in one tick, not in hundreds
                self.counters.late_ticks += 1
                due += behind
            await asyncio.sleep(max(0.0, due - self.clock()))
            try:
                self.tick()
            except Exception:
                log.exception("an RTP tick failed; the calls go on")

    def tick(self) -> None:
        """Hears what has come on all calls since the last tick."""
        self.counters.ticks += 1
        self._hear(list(self._sessions.values()))
        for session in list(self._sessions.values()):
            session.watch_silence(session.now_ms(), self._suspend_after_ms)
            session.hearing.tick()
        self._log_drops()

    def _hear(self, sessions: list[RtpSession], *, last: bool = False) -> None:
        waiting = [
            (stream, item)
            for session in sessions
            for stream in session.streams.values()
            for item in stream.drain(session.now_ms(), last=last)
        ]
        for (stream, item), samples in zip(waiting, decode_all(waiting), strict=True):
            stream.place(item, samples)
        for session in sessions:
            for stream in session.streams.values():
                stream.fill(session.now_ms())
        listen(self.bank, [session.hearing for session in sessions])

    def _log_drops(self) -> None:
        now = self.clock()
        if now < self._log_drops_at:
            return
        self._log_drops_at = now + LOG_DROPS_EVERY_S
        live = (stream.dropped for session in self._sessions.values() for stream in session.streams.values())
        dropped = self.counters.dropped + sum(live)
        if dropped > self._dropped_logged:
            log.warning(
                "dropped %d datagrams on RTP ports that were none of our packets", dropped - self._dropped_logged
            )
        self._dropped_logged = dropped
