"""Bytes that nobody should send: mutations of every sample at the framers, the parsers and a server with a call in
progress. Nothing is raised past the edge, and the call does not notice."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.sip.bodies import Unacceptable, read_body
from media.sip.digest import Credentials, Gatekeeper, Login, parameters_of
from media.sip.layer import Flow
from media.sip.message import Request, Response
from media.sip.referral import parse_refer, parse_replaces, read_notify
from media.sip.server import MAX_HALF_OPEN, SipServer
from media.sip.session_timer import SessionTimer
from media.sip.transport import Transports
from media.sip.wire import MAX_BODY, MAX_HEAD, Malformed, StreamFramer, parse_message
from tests.media.sip.sip_fakes import FakeCounts, FakeIntake, FakeMedia

DATA = Path(__file__).parents[2] / "data"
REQUESTS = (
    b"INVITE sip:5000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5999;rport;branch=z9hG4bKa\r\n"
    b"From: <sip:p@x>;tag=p\r\nTo: <sip:5000@x>\r\nCall-ID: new\r\nCSeq: 1 INVITE\r\nContact: <sip:p@127.0.0.1>\r\n"
    b"Session-Expires: 90;refresher=uac\r\nSupported: timer, 100rel\r\nReplaces: a;to-tag=b;from-tag=c\r\n"
    b'Authorization: Digest username="ana", realm="w", nonce="n.1.x", uri="sip:5000@x", response="0"\r\n'
    b"Content-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\n",
    b"REFER sip:5000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bKr\r\nFrom: <sip:p@x>;tag=p\r\n"
    b"To: <sip:5000@x>;tag=t\r\nCall-ID: c\r\nCSeq: 9 REFER\r\nRefer-To: <sip:c@x?Replaces=a%3Bto-tag%3D1>\r\n\r\n",
    b"NOTIFY sip:5000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bKn\r\nFrom: <sip:p@x>;tag=p\r\n"
    b"To: <sip:5000@x>;tag=t\r\nCall-ID: c\r\nCSeq: 8 NOTIFY\r\nEvent: refer\r\nSubscription-State: active\r\n"
    b"Content-Type: message/sipfrag\r\n\r\nSIP/2.0 200 OK\r\n",
    b"PRACK sip:5000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bKp\r\nFrom: <sip:p@x>;tag=p\r\n"
    b"To: <sip:5000@x>;tag=t\r\nCall-ID: c\r\nCSeq: 7 PRACK\r\nRAck: 1 1 INVITE\r\n\r\n",
    b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bKq\r\nFrom: <sip:p@x>;tag=p\r\n"
    b'To: <sip:5000@x>;tag=t\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nWWW-Authenticate: Digest realm="w", nonce="n"\r\n\r\n',
)
SAMPLES = tuple(path.read_bytes() for kind in ("siprec/*.sip", "rfc4475/*.dat") for path in sorted(DATA.glob(kind)))
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
BITS = (
    b"\r\n",
    b"\r\n\r\n",
    b"\x00",
    b"\xff",
    b";",
    b",",
    b"<",
    b'"',
    b"%",
    b"99999999999999",
    b"-1",
    b" ",
    b"SIP/2.0",
)


def mutated(sample: bytes, dice: random.Random) -> bytes:
    """The sample with a few wounds: cut, doubled, filled, turned."""
    data = bytearray(sample)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(6):
            case 0:
                del data[at : at + dice.randint(1, 40)]
            case 1:
                data[at:at] = dice.choice(BITS)
            case 2:
                data[at:at] = data[at : at + dice.randint(1, 200)]
            case 3:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 4:
                data[at:at] = dice.choice(BITS) * dice.randint(2, 200)
            case _:
                other = dice.choice(SAMPLES)
                start = dice.randrange(len(other))
                data[at:at] = other[start : start + 100]
    return bytes(data)


def read_all(message: Request | Response) -> None:
    """Everything that somebody reads of a message; a refusal is its own kind of `ValueError`."""
    if isinstance(message, Response):
        invite = Request(headers=message.headers, method="INVITE", uri="sip:x@y")
        Login(Credentials("ana", "x")).answer(invite, message)
        SessionTimer().too_small(message)
        SessionTimer().answered(message, 0.0)
        return
    readers: tuple[Callable[[], object], ...] = (
        lambda: read_body(message),
        lambda: parse_refer(message),
        lambda: parse_replaces(message.headers.get("Replaces")),
    )
    for reader in readers:
        try:
            reader()
        except (Unacceptable, ValueError):
            continue
    read_notify(message)
    parameters_of(message.headers.get("Authorization"))
    Gatekeeper("w", b"k").judge(message, Credentials("ana", "x"), 0.0)
    SessionTimer.objection(message)
    SessionTimer().answer(message, 0.0)
    parse_message(message.to_bytes())


@given(st.sampled_from((*SAMPLES, *REQUESTS)), st.integers(0, 2**32))
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
def test_mutated_messages_are_read_or_refused(sample: bytes, seed: int) -> None:
    try:
        message = parse_message(mutated(sample, random.Random(seed)))
    except Malformed:
        return
    read_all(message)


@given(st.lists(st.sampled_from((*SAMPLES, *REQUESTS)), min_size=1, max_size=4), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
def test_streams_are_cut_or_closed_and_never_kept_without_end(samples: list[bytes], seed: int) -> None:
    dice, framer = random.Random(seed), StreamFramer()
    stream = b"".join(mutated(sample, dice) if dice.random() < 0.7 else sample for sample in samples)
    at = 0
    while at < len(stream) and framer.broken is None:
        size = dice.randint(1, 700)
        for message in framer.feed(stream[at : at + size]):
            assert len(message) <= MAX_HEAD + MAX_BODY + 4
        at += size
    assert len(framer._buffer) <= MAX_HEAD + MAX_BODY + 4


class SilentTransports(Transports):
    """Opens no socket; keeps the latest message."""

    def __init__(self, server: SipServer) -> None:
        super().__init__(server.endpoint)
        self.latest = b""

    def send(self, data: bytes, flow: Flow) -> bool:
        self.latest = data
        return True


class Target:
    """A server without sockets, with a call in progress."""

    def __init__(self) -> None:
        self.now = 0.0
        self.counts, self.media, self.intake = FakeCounts(), FakeMedia(room=20), FakeIntake()
        self.server = SipServer(
            *("127.0.0.1", 0, self.intake, self.media), clock=lambda: self.now, metrics=self.counts, rate=0
        )
        self.endpoint = self.server.endpoint
        self.wire = self.endpoint.transports = SilentTransports(self.server)
        self.flow = Flow("UDP", "127.0.0.1", 5_999)

    def request(self, method: str, cseq: int, to_tag: str = "", body: str = "") -> bytes:
        tag = f";tag={to_tag}" if to_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:5000@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:5999;rport;branch=z9hG4bK-{method}{cseq}\r\n"
            f"From: <sip:good@x>;tag=good\r\nTo: <sip:5000@x>{tag}\r\nCall-ID: good\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:good@127.0.0.1:5999>\r\n{kind}\r\n{body}"
        ).encode()

    async def call(self) -> str:
        """Sets the call up; returns our tag."""
        self.endpoint.received(self.request("INVITE", 1, body=SDP), self.flow)
        await self.media.allocated.wait()
        answer = parse_message(self.wire.latest)
        assert isinstance(answer, Response)
        assert answer.status == 200
        self.endpoint.received(self.request("ACK", 1, answer.to_tag), self.flow)
        await self.intake.begun()
        return answer.to_tag

    async def bombard(self, datagrams: int, seed: int) -> None:
        dice, samples = random.Random(seed), (*SAMPLES, *REQUESTS)
        for number in range(datagrams):
            self.now += 0.01
            self.endpoint.received(mutated(dice.choice(samples), dice), self.flow)
            if number % 100 == 0:
                self.endpoint._tick()
                await asyncio.sleep(0)

    async def close(self) -> None:
        await self.server.close(0)


async def test_a_call_in_progress_does_not_notice() -> None:
    target = Target()
    tag = await target.call()
    await target.bombard(3_000, seed=3)
    assert target.counts.seen["sip_dropped_total fault"] == 0
    assert target.counts.seen["sip_dropped_total malformed"] > 300
    session = target.media.sessions[0]
    assert (session.reason, session.history, session.participants) == ("", [], session.offer.participants)
    target.endpoint.received(target.request("BYE", 2, tag), target.flow)
    answer = parse_message(target.wire.latest)
    assert isinstance(answer, Response)
    assert (answer.status, session.reason) == (200, "bye")
    target.now += 100
    async with asyncio.timeout(20):
        while len(target.endpoint._layer) or target.server.calls:
            target.now += 20  # BYEs to peers that do not answer take their time too
            target.endpoint._tick()
            await asyncio.sleep(0.001)  # metadata are read in a thread
    await target.close()


async def test_half_open_invites_are_bounded() -> None:
    target = Target()
    target.media.gate.clear()  # ports take their time, so that every call stays open
    invite = target.request("INVITE", 1, body=SDP)
    for number in range(2_000):
        another = invite.replace(b"good", b"bad%d" % number).replace(b"INVITE1", b"I%d" % number)
        target.endpoint.received(another, target.flow)
    assert target.server.calls == MAX_HALF_OPEN
    assert target.wire.latest.startswith(b"SIP/2.0 503")
    assert b"Retry-After" in target.wire.latest
    await target.close()
    assert target.server.calls == 0
