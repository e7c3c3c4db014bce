"""Lines whose keys come by a handshake (DTLS-SRTP, RFC 5763), before the RTP plane: the peer talks to a port of ours
that opens its packets and hands them on in the clear to the plane's, within this machine; reports go back the same way.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from engine.facts import Fact, Pcm16
from engine.ports.intake import CallOffer, FactReader, MediaEvent, Participant, Pause
from media.rtcp import is_rtcp
from media.rtp import MAX_PACKET_SIZE
from media.session import DtlsOffer, MediaAllocator, MediaSession, StreamOffer
from media.webrtc.dtls import DtlsRole, DtlsSrtp, HandshakeError
from media.webrtc.ice_lite import Address
from media.webrtc.ports import LegPorts

log = structlog.get_logger(__name__)

OPENING_S = 20.0
_BURST = 64
_HANDSHAKE = 22
"""Type of a DTLS record (RFC 6347 §4.1)."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class DtlsMedia:
    """A `media.session.MediaAllocator` around another one."""

    def __init__(self, inner: MediaAllocator, ports: LegPorts) -> None:
        """The plane and the ports are bound to the same host."""
        self._inner, self._ports = inner, ports

    def address(self, peer_host: str) -> str:
        return self._inner.address(peer_host)

    async def allocate(self, offer: CallOffer, streams: tuple[StreamOffer, ...]) -> MediaSession:
        fronts = Fronts(self._ports)
        try:
            inner = await self._inner.allocate(offer, fronts.inner(streams))
        except BaseException:
            fronts.close()
            raise
        fronts.agree(streams, inner.local_ports())
        return DtlsSession(inner, fronts)


class Fronts:
    """The ports of one call's lines with handshakes, by stream. A line may come to need one, or need it no longer, by a
    new offer: the peer is then told another port (RFC 8842 §4)."""

    def __init__(self, ports: LegPorts) -> None:
        self._ports = ports
        self._fronts: dict[str, Front] = {}
        self._streams: dict[int, str] = {}
        """By position."""

    def inner(self, streams: tuple[StreamOffer, ...]) -> tuple[StreamOffer, ...]:
        """The lines as the plane gets them: in the clear, from us. Raises `Overloaded`."""
        return tuple(self._behind(stream) if stream.dtls else stream for stream in streams)

    def _behind(self, stream: StreamOffer) -> StreamOffer:
        front = self._fronts.get(stream.stream)
        if front is None:
            front = self._fronts[stream.stream] = Front(self._ports)
        return msgspec.structs.replace(
            stream,
            dtls=None,
            remote_host=front.host,
            remote_port=front.port,
            sole=True,
            rtcp_mux=True,
            rtcp_host="",
            rtcp_port=0,
        )

    def agree(self, streams: tuple[StreamOffer, ...], ports: Mapping[int, int]) -> None:
        """The plane has taken them; `ports` are its own by position. Begins the handshakes."""
        for stream in streams:
            self._streams[stream.position] = stream.stream
            if stream.dtls is None:
                if (front := self._fronts.pop(stream.stream, None)) is not None:
                    front.close()
                continue
            front = self._fronts[stream.stream]
            front.behind = (front.host, ports[stream.position])
            front.reports = stream.rtcp_mux
            front.agree(stream.dtls, (stream.remote_host, stream.remote_port))

    def ports(self, ports: Mapping[int, int]) -> dict[int, int]:
        """What the peer is told instead."""
        return {position: self._told(position, port) for position, port in ports.items()}

    def _told(self, position: int, port: int) -> int:
        front = self._fronts.get(self._streams.get(position, ""))
        return port if front is None or front.behind is None else front.port

    def close(self) -> None:
        for front in self._fronts.values():
            front.close()


class _Association:
    """One handshake, the keys that come of it, and whom it is with: also its goodbye goes there."""

    def __init__(self, send: Callable[[bytes, Address], None]) -> None:
        self.peer: Address | None = None
        """Who sent the first record of the handshake; where we begin it, who was named. From then on, where its packets
        come from."""
        self.dtls = DtlsSrtp(self.tell)
        self.opening: asyncio.Task[None] | None = None
        self._send = send

    def tell(self, data: bytes) -> None:
        if self.peer is not None:
            self._send(data, self.peer)


class Front:
    """One line's socket: the peer on one side, the plane on the other."""

    def __init__(self, ports: LegPorts) -> None:
        self.behind: Address | None = None
        """The plane's port."""
        self.reports = False
        """The peer takes RTCP here; on a port of its own it would want a handshake of its own (RFC 5764 §5.1.1)."""
        self._ports = ports
        self._socket: socket.socket = ports.open()
        host, port = self._socket.getsockname()[:2]
        self.host, self.port = _EVERYWHERE.get(host, host), int(port)
        """As the plane sees it."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._agreed: DtlsOffer | None = None
        self._named: Address = ("", 0)
        """Whom the peer's description names."""
        self._with = _Association(self._send)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def agree(self, offer: DtlsOffer, hint: Address) -> None:
        """Begins the handshake; the same again changes nothing. Another offer, or another transport of the peer's,
        begins anew (RFC 5763 §6.6, RFC 8842 §4); a hold may name none."""
        moved = bool(hint[0]) and hint != self._named
        if self._closed or (offer == self._agreed and not moved):
            return
        self._named = hint if moved else self._named
        self._begin(offer)

    def _begin(self, offer: DtlsOffer) -> None:
        if self._agreed is not None:
            self._spawn(self._end(self._with))
            self._with = _Association(self._send)
        self._agreed = offer
        if offer.waits and self._named[0]:
            self._with.peer = self._named
        self._with.opening = self._loop.create_task(self._open(self._with.dtls, offer), name="dtls")

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket.fileno())
            self._spawn(self._end(self._with, last=True))

    async def _open(self, dtls: DtlsSrtp, offer: DtlsOffer) -> None:
        role: DtlsRole = "client" if offer.waits else "server"
        try:
            async with asyncio.timeout(OPENING_S):
                await dtls.start(role, offer.fingerprints, lambda: None)
        except (TimeoutError, HandshakeError) as error:
            log.warning("dtls.failed", reason=type(error).__name__)

    async def _end(self, association: _Association, *, last: bool = False) -> None:
        try:
            if association.opening is not None:
                association.opening.cancel()
                await asyncio.wait([association.opening])
            await association.dtls.close()
        finally:
            if last:
                self._ports.close(self._socket)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                data, address = self._socket.recvfrom(MAX_PACKET_SIZE + 1)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error; whether the peer is there is the call's to find out
                continue
            if data and not self._closed:
                self._take(data, (address[0], address[1]))

    def _take(self, data: bytes, address: Address) -> None:
        """RFC 5764 §5.1.2: a record of the handshake, or a packet; or what the plane sends back."""
        behind, dtls = self.behind, self._with.dtls
        if behind is not None and address[0] == behind[0] and address[1] in (behind[1], behind[1] + 1):
            if dtls.is_open and not is_rtcp(data):
                self._with.tell(dtls.seal(data))
            elif dtls.is_open and self.reports:
                self._with.tell(dtls.seal_report(data))
        elif 20 <= data[0] <= 63:
            self._shake(data, address)
        elif behind is not None and 128 <= data[0] <= 191:
            with contextlib.suppress(ValueError):  # forged, repeated, or before the keys
                opened = dtls.open_report(data) if is_rtcp(data) else dtls.open(data)
                self._with.peer = address  # by its keys it is the peer, wherever its NAT has it now
                self._send(opened, behind)

    def _shake(self, data: bytes, address: Address) -> None:
        """Whoever begins it is the peer, unless the one who was named comes after a stranger without keys."""
        peer = self._with.peer
        stranger = peer is not None and peer[0] != self._named[0] == address[0]
        if stranger and not self._with.dtls.is_open and self._agreed is not None:
            self._begin(self._agreed)
        if self._with.peer is None and data[0] == _HANDSHAKE:  # the goodbye of a peer that has moved begins nothing
            self._with.peer = address
        if address == self._with.peer:
            self._with.dtls.receive(data)

    def _send(self, data: bytes, address: Address) -> None:
        with contextlib.suppress(OSError):  # a full buffer loses a packet, as networks do
            self._socket.sendto(data, address)


class DtlsSession:
    """The plane's session with fronts before it; all else is the plane's."""

    def __init__(self, inner: MediaSession, fronts: Fronts) -> None:
        self._inner, self._fronts = inner, fronts
        self.offer = inner.offer
        self._closed = False

    def local_ports(self) -> Mapping[int, int]:
        return self._fronts.ports(self._inner.local_ports())

    async def update(self, streams: tuple[StreamOffer, ...]) -> None:
        if self._closed:
            return
        await self._inner.update(self._fronts.inner(streams))
        if not self._closed:  # while the ports opened
            self._fronts.agree(streams, self._inner.local_ports())

    def close(self, reason: str) -> None:
        self._closed = True
        self._inner.close(reason)
        self._fronts.close()

    def hold(self) -> None:
        self._inner.hold()

    def resume(self) -> None:
        self._inner.resume()

    def participants_changed(self, participants: tuple[Participant, ...]) -> None:
        self._inner.participants_changed(participants)

    def announce(self, sound: Pcm16, *, words: bool, beep_every_s: int) -> None:
        self._inner.announce(sound, words=words, beep_every_s=beep_every_s)

    def told(self, facts: Sequence[Fact]) -> None:
        """See `engine.ports.intake.FactReader`."""
        if isinstance(self._inner, FactReader):
            self._inner.told(facts)

    def last_packet_at(self) -> float:
        return self._inner.last_packet_at()

    def events(self) -> AsyncIterator[MediaEvent]:
        return self._inner.events()

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        return self._inner.audio(stream, start_ms, end_ms)

    def kept_from_ms(self, stream: str) -> int:
        return self._inner.kept_from_ms(stream)

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        return self._inner.monotonic_ms(stream, at_ms)

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        self._inner.weigh_pause(stream, segment, end_ms, pause)
