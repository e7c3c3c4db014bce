"""One party's RTP: packets of the right source in, the other side's out, each at once when it comes.

Nothing is decoded and nothing waits: the receiver at the far end has the only jitter buffer.
"""

import asyncio
import contextlib
import math
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator

from engine.errors import Overloaded
from media.bridge.description import EVENTS, FarLine
from media.bridge.renumbering import Renumbering
from media.bridge.telephone_events import KeyReader, event_payloads, is_end
from media.codecs import CODECS
from media.ports import PortPool, PortRange
from media.rtcp import MAX_SIZE, SentReport, is_rtcp
from media.rtcp_reporter import RtcpReporter
from media.rtp import MAX_PACKET_SIZE, RtpPacket, build_packet, parse_packet
from media.session import AudioCodec
from media.sip.negotiation import NUMBERS
from media.source_lock import Address, SourceLock
from media.srtp import SrtpKeys, SrtpReader, SrtpWriter
from media.udp_pair import bind_pair, expedite

_BATCH = 64
"""Datagrams of one socket before others have their turn."""
_STEP_S = 0.02
_MAX_KEYS = 32
_UNDER_WAY_S = 0.5
"""So long after a peer has named another address may packets come that left it before."""


def ignore(*_: object) -> None:
    """Hears nothing."""


class RtpLine:
    """A bound pair of ports, made by `RtpLines`. `agree` says what it carries; `close` gives the ports back."""

    def __init__(self, owner: "RtpLines", number: int, sockets: tuple[socket.socket, socket.socket]) -> None:
        self.number = number
        """The even port."""
        self.voice: Callable[[RtpPacket], None] = ignore
        self.pressed: Callable[[str, int], None] = ignore
        self.last_packet_at = time.monotonic()
        """Monotonic seconds of the last packet of the party."""
        self._owner, self._sockets = owner, sockets
        self._loop = asyncio.get_running_loop()
        self._out = Renumbering(8000)
        self._lock = SourceLock(None)
        self._reporter = RtcpReporter()
        self._keys = KeyReader()
        self._pressing: deque[tuple[str, int]] = deque(maxlen=_MAX_KEYS)
        self._playing: Iterator[bytes] | None = None
        self._far: FarLine | None = None
        self._numbers: frozenset[int] = frozenset()
        self._event: int | None = None
        """Payload type of the telephone-events that we send; None: the party takes none."""
        self._events: frozenset[int] = frozenset()
        self._event_hz = 8000
        """Clock of their durations."""
        self._payload_type = 0
        self._remote: Address | None = None
        self._latch_at = math.inf
        """Monotonic seconds from which a packet of the source that is heard says where the peer is."""
        self._srtp: SrtpKeys | None = None
        self._reader: SrtpReader | None = None
        self._writer: SrtpWriter | None = None
        self._sent = SentReport(self._out.ssrc)
        for sock in sockets:
            self._loop.add_reader(sock, self._read, sock)

    # ─── what signalling says ────────────────────────────────────────────────────────────────────────────────────────

    def agree(self, far: FarLine, codec: AudioCodec, keys: SrtpKeys | None) -> None:
        """What was negotiated, at first or anew: the one codec, where the party hears, and its keys."""
        now, before = time.monotonic(), self._far
        self._far = far
        theirs, event = far.numbers[codec], far.events.get(codec)
        self._payload_type, self._event = theirs, event
        # An answer may give a dynamic codec, and telephone-events, another number than our offer did: then each side
        # sends what the other said, and what comes bears ours (RFC 3264 §5.1).
        self._numbers = frozenset({theirs, int(NUMBERS[codec])} - {event})
        self._out.clock_hz = clock_hz = CODECS[codec].clock_hz
        self._event_hz = clock_hz if event is None else far.event_clocks.get(event, clock_hz)
        self._events = frozenset(() if event is None else {event, EVENTS[self._event_hz]} - {theirs})
        named = (far.host, far.port) if far.host else None
        if before is None or (before.host, before.port) != (far.host, far.port):
            self._remote = named
            # A peer behind a NAT goes on sending from where it did (RFC 4961), whatever it names. Of one that was on
            # hold by c=0.0.0.0 (RFC 2543) nothing is under way.
            moved = before is not None and before.host
            self._latch_at = math.inf if named is None else now + _UNDER_WAY_S if moved else now
        self._lock.unlock(named, anew=self._take_keys(keys))
        self.last_packet_at = now

    def _take_keys(self, keys: SrtpKeys | None) -> bool:
        """A direction's rollover counter lives as long as its key (RFC 3711 §3.2.1, §3.3.1), whatever the other's
        does: nothing on the wire would tell of it again. True: the peer's is another one."""
        before, self._srtp = self._srtp, keys
        if keys is None:
            self._reader = self._writer = None
            return before is not None
        another = before is None or before.theirs != keys.theirs
        if another:
            self._reader = SrtpReader(keys.theirs)
        if before is None or before.ours != keys.ours:
            self._writer = SrtpWriter(keys.ours)
        return another

    @property
    def unused(self) -> bool:
        """Nothing was negotiated: no packet can be late for it."""
        return self._far is None

    @property
    def keys(self) -> SrtpKeys | None:
        """Those that hold."""
        return self._srtp

    @property
    def takes_keys(self) -> bool:
        """Whether the party takes telephone-events."""
        return self._event is not None

    # ─── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                data, address = sock.recvfrom(MAX_PACKET_SIZE + 1)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of something that we sent; the next one may be a packet
                continue
            with contextlib.suppress(ValueError):  # what is no packet of this line is nobody's
                self._take(data, (address[0], address[1]), time.monotonic())

    def _take(self, data: bytes, address: Address, now: float) -> None:
        if self._far is None:
            return
        if is_rtcp(data):
            if len(data) <= MAX_SIZE:
                opened = self._reader.rtcp(data) if self._reader else data
                self._reporter.heard(opened, address, now * 1000)
            return
        if len(data) > MAX_PACKET_SIZE:
            return
        packet = parse_packet(self._reader.rtp(data) if self._reader else data)
        if packet.payload_type not in self._numbers and packet.payload_type not in self._events:
            return
        if self._lock.hears(packet.ssrc, address, now * 1000):
            self._hear(packet, now)
            if now >= self._latch_at:
                self._latch(address)
            return
        source = self._lock.source
        for arrived in self._lock.accept(packet, address, now * 1000):
            self._hear(arrived.packet, now)
        if self._lock.source != source:
            self._latch(address)

    def _latch(self, address: Address) -> None:
        """Symmetric RTP (RFC 4961): sound goes to where the party's comes from, also behind a NAT."""
        self._remote, self._latch_at = address, math.inf

    def _hear(self, packet: RtpPacket, now: float) -> None:
        self.last_packet_at = now
        clock = self._out.clock_hz
        self._reporter.arrived(packet.ssrc, packet.sequence, packet.timestamp, now * 1000, clock)
        if packet.payload_type in self._events:
            told = self._keys.event(packet, self._event_hz)
        else:
            self.voice(packet)
            told = self._keys.sound(packet, self._event_hz)
        for key, duration_ms in told:
            self.pressed(key, duration_ms)

    # ─── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def play(self, packet: RtpPacket) -> None:
        """Sound of the other side, which falls silent while a key is played."""
        if self._playing is None and self._remote is not None:
            sequence, timestamp, marker = self._out.place(packet, time.monotonic())
            self._send(RtpPacket(self._payload_type, sequence, timestamp, self._out.ssrc, packet.payload, marker))

    def press(self, key: str, duration_ms: int) -> None:
        """Plays a key; those that come meanwhile wait for it."""
        self._pressing.append((key, duration_ms))
        if self._playing is None:
            self._press_next()

    def _press_next(self) -> None:
        if not self._pressing or self._event is None:
            self._pressing.clear()
            return
        self._playing = event_payloads(*self._pressing.popleft(), self._event_hz)
        sequence, timestamp = self._out.insert(time.monotonic())
        self._press_on(self._event, timestamp, sequence)

    def _press_on(self, number: int, timestamp: int, first: int | None = None) -> None:
        for payload in self._playing or ():
            sequence = self._out.follow() if first is None else first
            self._send(RtpPacket(number, sequence, timestamp, self._out.ssrc, payload, marker=first is not None))
            first = None
            if not is_end(payload):
                self._loop.call_later(_STEP_S, self._press_on, number, timestamp)
                return
        self._playing = None
        self._press_next()

    def _send(self, packet: RtpPacket) -> None:
        if self._remote is None:
            return
        data = build_packet(packet)
        self._sent.count(packet, time.time())
        with contextlib.suppress(OSError):  # a full buffer or a closed port loses a packet, as networks do
            self._sockets[0].sendto(self._writer.rtp(data) if self._writer else data, self._remote)

    # ─── reports ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def report(self, now: float) -> None:
        """Sends the RTCP report that is due, of what we hear and of what we send."""
        if self._remote is None or self._far is None or now * 1000 < self._reporter.due_ms:
            return
        data = self._reporter.report(now * 1000, self._sent)
        if self._far.rtcp_mux:
            sock, address = self._sockets[0], self._remote
        else:
            expected = (self._far.rtcp_host or self._remote[0], self._far.rtcp_port or self._remote[1] + 1)
            sock, address = self._sockets[1], self._reporter.address or expected
        with contextlib.suppress(OSError):  # a report that is lost is followed by the next one
            sock.sendto(self._writer.rtcp(data) if self._writer else data, address)

    def close(self) -> None:
        """Idempotent."""
        self.voice = self.pressed = ignore
        if self._sockets[0].fileno() < 0:
            return
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        self._pressing.clear()
        self._playing = None
        self._remote = None
        self._owner.closed(self)


class RtpLines:
    """The ports that parties get, and the clock of their reports."""

    def __init__(self, host: str, ports: PortRange) -> None:
        self._host = host
        self._pool = PortPool(ports)
        self._open: set[RtpLine] = set()

    def open(self) -> RtpLine:
        """Bound and receiving. Raises `Overloaded` when no port is free."""
        now = time.monotonic()
        for _ in range(len(self._pool)):
            number = self._pool.take(now)
            if number is None:
                break
            try:
                sockets = bind_pair(self._host, number)
            except OSError:  # another program has it
                self._pool.give_back(number, now, unused=True)
                continue
            expedite(sockets[0])
            line = RtpLine(self, number, sockets)
            self._open.add(line)
            return line
        raise Overloaded("no RTP port is free")

    def closed(self, line: RtpLine) -> None:
        self._open.discard(line)
        self._pool.give_back(line.number, time.monotonic(), unused=line.unused)

    def report(self, now: float) -> None:
        """Call it about twice a second."""
        for line in list(self._open):
            line.report(now)

    def close(self) -> None:
        for line in list(self._open):
            line.close()
