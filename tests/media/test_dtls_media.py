"""DTLS-SRTP without ICE, as SIP trunks have it: handshake, sound to the plane, reports back."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence

import msgspec
import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Overloaded
from engine.facts import Fact
from engine.ports.intake import CallOffer, FactReader, IngestSession, Participant
from media.codecs import PCMU
from media.dtls_media import DtlsMedia, DtlsSession, Front
from media.ports import PortRange
from media.rtcp import is_rtcp
from media.rtp import RtpPacket, build_packet
from media.rtp_plane import RtpPlane
from media.rtp_session import RtpSession
from media.session import DtlsOffer, StreamOffer
from media.sip.negotiation import Answerer, negotiate
from media.sip.sdp import parse_sdp
from media.webrtc.dtls import DtlsRole, DtlsSrtp, own_fingerprint
from media.webrtc.ports import LegPorts

NOISE = np.random.default_rng(5).integers(-9000, 9000, 12_000).astype(np.int16)
OFFER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 UDP/TLS/RTP/SAVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=setup:actpass
a=fingerprint:SHA-256 AA:BB
a=sendrecv
"""
CALL = CallOffer("c", "sip", "p", "a@x", "b@x", (Participant("0", 0),))


class Peer:
    """A socket with keys: what a trunk is on one line."""

    def __init__(self) -> None:
        self.to: tuple[str, int] | None = None
        self.sent = b""
        """The last."""
        self.reported = False
        self.clear = False
        """It speaks without keys."""
        self.dtls = DtlsSrtp(self._send)
        self._bind()

    def _bind(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)

    def roam(self) -> None:
        """Its NAT gives it another port."""
        before = self._socket
        self._bind()
        asyncio.get_running_loop().remove_reader(before.fileno())
        before.close()

    async def shake(self, port: int, role: DtlsRole, fingerprint: str = "") -> None:
        self.to = ("127.0.0.1", port)
        async with asyncio.timeout(10):
            await self.dtls.start(role, [fingerprint or own_fingerprint()], lambda: None)

    def say(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            sound = PCMU.encode(NOISE[number * 160 : number * 160 + 160])
            packet = build_packet(RtpPacket(0, number, number * 160, 7, sound))
            self._send(packet if self.clear else self.dtls.seal(packet))

    def _send(self, data: bytes) -> None:
        if self.to is not None:
            self.sent = data
            self._socket.sendto(data, self.to)

    def _read(self) -> None:
        data = self._socket.recv(2048)
        if 20 <= data[0] <= 63:
            self.dtls.receive(data)
        elif is_rtcp(data):
            if not self.clear:
                self.dtls.open_report(data)
            self.reported = True

    async def close(self) -> None:
        await self.dtls.close()
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()


class Room:
    """The media with real sockets, in virtual time but for the handshake."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.plane = RtpPlane("127.0.0.1", PortRange(26_500, 26_519), clock=lambda: self.now_s)
        self.media = DtlsMedia(self.plane, LegPorts())

    async def pass_time(self, ms: int = 20) -> None:
        """What is on the wire arrives at once, by way of the front."""
        for _ in range(ms // 20):
            for _ in range(3):
                await asyncio.sleep(0)  # the loop looks at its sockets, and then reads them
            self.now_s += 0.020
            self.plane.tick()

    async def heard(self, session: IngestSession, peer: Peer) -> float:
        """The peer speaks for a second and a half; how much what was heard is like it, wherever in the call it lies."""
        for number in range(75):
            peer.say(number, 1)
            await self.pass_time()
        await self.pass_time(500)
        sound = session.audio("0", 0, 4_000).astype(float)
        said = soxr.resample(NOISE.astype(float), 8_000, 16_000)[3_200:19_200]
        size = len(sound) + len(said)
        at = int(np.argmax(np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(said, size)))[: len(sound)]))
        there = sound[at : at + len(said)]
        return float(np.corrcoef(there, said[: len(there)])[0, 1])


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    yield room
    await room.plane.aclose()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    yield peer
    await peer.close()


def line(peer: Peer, *, waits: bool = False, fingerprint: str = "") -> StreamOffer:
    offer = DtlsOffer((fingerprint or own_fingerprint(),), waits)
    return StreamOffer("0", 0, "PCMU", 0, remote_host="127.0.0.1", remote_port=peer.port, dtls=offer, rtcp_mux=True)


@pytest.mark.parametrize("waits", [False, True])
async def test_a_line_is_heard_once_hands_are_shaken(room: Room, peer: Peer, waits: bool) -> None:
    session = await room.media.allocate(CALL, (line(peer, waits=waits),))
    await peer.shake(session.local_ports()[0], "server" if waits else "client")
    assert await room.heard(session, peer) > 0.98
    await room.pass_time(2_000)  # the first report comes within 3.1 s
    assert peer.reported
    session.close("bye")


async def test_whoever_is_not_the_one_of_the_offer_is_not_heard(room: Room, peer: Peer) -> None:
    session = await room.media.allocate(CALL, (line(peer, fingerprint="sha-256 " + "00:" * 31 + "00"),))
    await peer.shake(session.local_ports()[0], "client")
    for number in range(20):
        peer.say(number, 1)
        await room.pass_time()
    await room.pass_time(500)
    assert not session.audio("0", 0, 1_000).any()
    session.close("bye")


async def test_another_handshake_begins_anew_on_the_same_port(room: Room, peer: Peer) -> None:
    session = await room.media.allocate(CALL, (line(peer),))
    port = session.local_ports()[0]
    await peer.shake(port, "client")
    other = Peer()
    await session.update((line(other, waits=True),))
    assert session.local_ports()[0] == port
    await other.shake(port, "server")
    assert await room.heard(session, other) > 0.98
    await other.close()
    session.close("bye")


@pytest.mark.parametrize("waits", [False, True])
async def test_a_peer_that_moves_shakes_hands_anew_with_the_same_fingerprint(
    room: Room, peer: Peer, waits: bool
) -> None:
    session = await room.media.allocate(CALL, (line(peer, waits=waits),))
    port = session.local_ports()[0]
    role: DtlsRole = "server" if waits else "client"
    await peer.shake(port, role)
    moved = Peer()
    await session.update((line(moved, waits=waits),))
    assert session.local_ports()[0] == port
    await peer.dtls.close()  # its goodbye comes from where it was, and keeps nobody out
    await room.pass_time()
    await moved.shake(port, role)
    assert await room.heard(session, moved) > 0.98
    await moved.close()
    session.close("bye")


async def test_a_peer_whose_nat_gives_it_another_port_is_heard_on_and_reported_to(room: Room, peer: Peer) -> None:
    session = await room.media.allocate(CALL, (line(peer),))
    port = session.local_ports()[0]
    await peer.shake(port, "client")
    peer.roam()
    assert await room.heard(session, peer) > 0.98
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(peer.sent, ("127.0.0.1", port))  # a copy makes nobody the peer
    await room.pass_time()
    peer.reported = False
    await room.pass_time(8_000)  # more than there is between two reports
    assert peer.reported
    session.close("bye")


async def test_a_hold_without_an_address_keeps_the_keys(room: Room, peer: Peer) -> None:
    session = await room.media.allocate(CALL, (line(peer),))
    await peer.shake(session.local_ports()[0], "client")
    held = msgspec.structs.replace(line(peer), remote_host="", flowing=False)  # c=0.0.0.0
    for stream in (held, line(peer)):
        await session.update((stream,))
    assert await room.heard(session, peer) > 0.98
    session.close("bye")


async def test_who_begins_on_hold_shakes_hands_when_it_says_where_it_is(room: Room, peer: Peer) -> None:
    held = msgspec.structs.replace(line(peer, waits=True), remote_host="", flowing=False)
    session = await room.media.allocate(CALL, (held,))
    await session.update((line(peer, waits=True),))
    await peer.shake(session.local_ports()[0], "server")
    assert await room.heard(session, peer) > 0.98
    session.close("bye")


async def test_a_stranger_who_is_first_keeps_nobody_out(room: Room, peer: Peer) -> None:
    session = await room.media.allocate(CALL, (line(peer),))
    port = session.local_ports()[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.sendto(bytes([22]) + bytes(60), ("127.0.0.1", port))
    await peer.shake(port, "client")
    assert await room.heard(session, peer) > 0.98
    session.close("bye")


async def test_nobody_is_heard_past_the_handshake(room: Room, peer: Peer) -> None:
    session = await room.media.allocate(CALL, (line(peer),))
    assert isinstance(session, DtlsSession)
    plane = "127.0.0.1", session._inner.local_ports()[0]

    async def intrude() -> None:
        """More than a second of sound, to the plane's own port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(60):
                sound = PCMU.encode(NOISE[number * 160 : number * 160 + 160])
                stranger.sendto(build_packet(RtpPacket(0, number, number * 160, 8, sound)), plane)
                await room.pass_time()

    await intrude()
    assert not session.audio("0", 0, 1_200).any()
    await peer.shake(session.local_ports()[0], "client")
    assert await room.heard(session, peer) > 0.98
    await room.pass_time(1_000)  # the peer falls silent
    since_ms = round((room.now_s - 1000.0) * 1000)
    await intrude()
    assert not session.audio("0", since_ms, since_ms + 1_200).any()
    assert (room.plane.fates()["played"], room.plane.fates()["foreign"]) == (75, 120)
    session.close("bye")


async def test_a_call_in_the_clear_has_no_front(room: Room, peer: Peer) -> None:
    session = await room.media.allocate(CALL, (StreamOffer("0", 0, "PCMU", 0),))
    assert 26_500 <= session.local_ports()[0] < 26_520
    session.close("bye")


async def test_a_line_may_come_to_need_a_handshake(room: Room, peer: Peer) -> None:
    clear = msgspec.structs.replace(line(peer), dtls=None)
    session = await room.media.allocate(CALL, (clear,))
    before = session.local_ports()[0]
    await session.update((line(peer),))
    port = session.local_ports()[0]
    assert port != before  # another transport (RFC 8842 §4)
    await peer.shake(port, "client")
    assert await room.heard(session, peer) > 0.98
    session.close("bye")


async def test_a_line_may_need_a_handshake_no_longer(room: Room, peer: Peer) -> None:
    session = await room.media.allocate(CALL, (line(peer),))
    await peer.shake(session.local_ports()[0], "client")
    await session.update((msgspec.structs.replace(line(peer), dtls=None),))
    peer.to, peer.clear = ("127.0.0.1", session.local_ports()[0]), True
    assert 26_500 <= peer.to[1] < 26_520
    assert await room.heard(session, peer) > 0.98
    session.close("bye")


async def test_a_line_that_gets_no_port_stays_in_the_clear(room: Room, peer: Peer) -> None:
    clear = msgspec.structs.replace(line(peer), dtls=None)
    session = await room.media.allocate(CALL, (clear,))
    before = session.local_ports()
    more = [StreamOffer(str(number), number, "PCMU", 0) for number in range(1, 11)]  # one more than there are ports
    with pytest.raises(Overloaded):
        await session.update((line(peer), *more))
    assert session.local_ports() == before
    session.close("bye")


async def test_what_is_found_out_reaches_the_plane(room: Room, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Sequence[Fact]] = []
    monkeypatch.setattr(RtpSession, "told", lambda session, facts: told.append(facts))
    session = await room.media.allocate(CALL, (line(peer),))
    assert isinstance(session, FactReader)
    session.told(())
    assert told == [()]
    session.close("bye")


def test_an_offer_of_dtls_is_answered_with_our_fingerprint() -> None:
    offer = parse_sdp(OFFER.encode())
    streams = negotiate(offer)
    assert streams[0].dtls == DtlsOffer(("SHA-256 AA:BB",), False)
    answer = Answerer(1, "127.0.0.1").answer(offer, streams, {0: 20_000}).media[0]
    assert answer.protocol == "UDP/TLS/RTP/SAVP"
    assert (answer.attribute("setup"), answer.attribute("fingerprint")) == ("passive", own_fingerprint())
    waiting = negotiate(parse_sdp(OFFER.replace("actpass", "passive").encode()))
    assert waiting[0].dtls is not None
    assert waiting[0].dtls.waits


@pytest.mark.parametrize("change", [("SHA-256", "md5"), ("a=fingerprint:SHA-256 AA:BB\n", ""), ("actpass", "holdconn")])
def test_a_line_without_a_handshake_that_we_can_do_is_refused(change: tuple[str, str]) -> None:
    assert negotiate(parse_sdp(OFFER.replace(*change).encode())) == ()


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=20))
async def test_no_datagram_raises(noise: list[bytes]) -> None:
    front = Front(LegPorts())
    front.behind = ("127.0.0.1", 9)
    for data in noise:
        for address in (("127.0.0.1", 9), ("192.0.2.1", 5)):
            front._take(data, address)
    front.close()
    await asyncio.sleep(0)
