"""One browser's sound path, from its offer to its end: a UDP socket with ICE-lite, DTLS-SRTP and RTP on it (RFC 7983).

Packets are relayed as they come, in both directions: the only buffer on the way is the browser's own, which adapts.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog

from media.codecs import CODECS
from media.rtcp import INTERVAL_S, SentReport, is_rtcp
from media.rtcp_reporter import RtcpReporter
from media.rtp import MAX_PACKET_SIZE, RtpPacket, build_packet, parse_packet
from media.session import AudioCodec
from media.webrtc.description import BrowserOffer, write_answer
from media.webrtc.dtls import DtlsRole, DtlsSrtp, HandshakeError, own_fingerprint
from media.webrtc.ice_lite import Address, IceLite
from media.webrtc.ports import LegPorts

log = structlog.get_logger(__name__)

LegState = Literal["open", "closed", "vanished", "failed"]
"""`closed` is the browser's goodbye, `failed` is a path that never came about."""

_BURST = 64
"""Datagrams that one waking of the loop takes, so that other legs get their turn."""


class LegTimes(msgspec.Struct, frozen=True):
    """How patient a leg is, in seconds."""

    opening_s: float = 20.0
    """From our answer to keys on both sides."""
    vanished_s: float = 15.0
    """Longest silence of a browser that is there: it checks its consent every 5 s (RFC 7675 §5.1), and sends sound even
    when it is muted. A browser whose network changed needs some of it to offer again."""
    watch_s: float = 1.0
    """Between two looks at whether it is there, and whether a report is due."""
    report_s: float = INTERVAL_S
    """Mean between two of our RTCP reports."""


TIMES = LegTimes()


class WebRtcLeg:
    """Opens its port and is answered for at once; `told` hears `open` when sound can go both ways, and one of the other
    states when it is over. Everything happens in the loop that made it."""

    def __init__(
        self,
        ports: LegPorts,
        offer: BrowserOffer,
        codec: AudioCodec,
        *,
        heard: Callable[[RtpPacket], None],
        told: Callable[[LegState], None],
        times: LegTimes = TIMES,
    ) -> None:
        """`codec` is one of the offer's; `heard` gets each of its packets, in order of arrival. Raises `Overloaded`."""
        self.codec = codec
        self.ssrc = secrets.randbits(32)
        self.payload_type = offer.payloads[codec]
        self._heard, self._told = heard, told
        self._ports, self._times = ports, times
        self._loop = asyncio.get_running_loop()
        self._socket = ports.open()
        self._ice = IceLite(offer.user)
        self._reporter, self._sent = RtcpReporter(mean_s=times.report_s), SentReport(self.ssrc)
        self._clock_hz = CODECS[codec].clock_hz
        self._dtls = DtlsSrtp(self._put)
        where = (ports.advertised, int(self._socket.getsockname()[1]))
        self.answer = write_answer(offer, codec, self._ice, own_fingerprint(), where, self.ssrc)
        """Our SDP, as bytes."""
        self._last_heard = time.monotonic()
        self._over = False
        self._watch: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._reached = asyncio.Event()
        self._opening = self._loop.create_task(self._open(offer), name="webrtc")
        self._closing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return not self._over and self._dtls.is_open

    def send(self, packet: RtpPacket) -> None:
        """RTP whose payload type and SSRC are `payload_type` and `ssrc`; dropped unless `is_open`."""
        if self.is_open:
            self._sent.count(packet, time.time())
            self._put(self._dtls.seal(build_packet(packet)))

    def close(self) -> None:
        """Says goodbye and frees the port. `told` hears nothing of it. Idempotent."""
        if self._over:
            return
        self._over = True
        self._opening.cancel()
        if self._watch is not None:
            self._watch.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._closing = self._loop.create_task(self._say_goodbye(), name="webrtc-close")

    async def closed(self) -> None:
        """Returns once the port is free, after `close`."""
        if self._closing is not None:
            await asyncio.wait([self._closing])

    # ─── the handshake, and the watch over the browser ───────────────────────────────────────────────────────────────

    async def _open(self, offer: BrowserOffer) -> None:
        try:
            async with asyncio.timeout(self._times.opening_s):
                await self._reached.wait()
                role: DtlsRole = "server" if offer.is_client else "client"
                await self._dtls.start(role, offer.fingerprints, lambda: self._end("closed"))
        except (TimeoutError, HandshakeError) as error:
            log.info("webrtc.failed", reason=type(error).__name__, reached=self._reached.is_set())
            self._end("failed")
            return
        self._last_heard = time.monotonic()
        self._watch_on()
        self._told("open")

    def _watch_on(self) -> None:
        """Now and then: whether the browser is there, and the RTCP report that is due."""
        now = time.monotonic()
        if now - self._last_heard > self._times.vanished_s:
            self._end("vanished")
            return
        if now * 1000 >= self._reporter.due_ms and self.is_open:
            self._put(self._dtls.seal_report(self._reporter.report(now * 1000, self._sent)))
        self._watch = self._loop.call_later(self._times.watch_s, self._watch_on)

    def _end(self, state: LegState) -> None:
        if not self._over:
            self.close()
            self._told(state)

    async def _say_goodbye(self) -> None:
        try:
            await asyncio.wait([self._opening])
            await self._dtls.close()
        finally:
            self._ports.close(self._socket)

    # ─── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                data, address = self._socket.recvfrom(MAX_PACKET_SIZE + 1)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error; the browser's own checks tell whether it is there
                continue
            if data and not self._over:
                self._take(data, (address[0], address[1]))

    def _take(self, data: bytes, address: Address) -> None:
        first = data[0]
        if 128 <= first <= 191:
            with contextlib.suppress(ValueError):  # forged, repeated, malformed, or before the keys
                self._take_report(data, address) if is_rtcp(data) else self._take_sound(data)
        elif first <= 3:
            if answer := self._ice.check(data, address):
                self._last_heard = time.monotonic()
                self._send_to(answer, address)
                self._reached.set()
        elif 20 <= first <= 63 and address == self._ice.address:
            self._dtls.receive(data)

    def _take_sound(self, data: bytes) -> None:
        """What is of another payload type is passed over."""
        packet = parse_packet(self._dtls.open(data))
        self._last_heard = now = time.monotonic()
        if packet.payload_type == self.payload_type:
            self._reporter.arrived(packet.ssrc, packet.sequence, packet.timestamp, now * 1000, self._clock_hz)
            self._heard(packet)

    def _take_report(self, data: bytes, address: Address) -> None:
        self._reporter.heard(self._dtls.open_report(data), address, time.monotonic() * 1000)

    def _put(self, data: bytes) -> None:
        if self._ice.address is not None:
            self._send_to(data, self._ice.address)

    def _send_to(self, data: bytes, address: Address) -> None:
        with contextlib.suppress(OSError):  # a full buffer loses a packet, as networks do
            self._socket.sendto(data, address)
