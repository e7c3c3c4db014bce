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
from media.sip.endpoint import Endpoint
from media.sip.layer import Flow
from media.sip.message import Request, Response
from media.sip.referral import parse_refer, parse_replaces, read_notify
from media.sip.session_timer import SessionTimer
from media.sip.transport import Transports
from media.sip.wire import MAX_BODY, MAX_HEAD, Malformed, StreamFramer, parse_message
from tests.media.sip.sip_fakes import FakeCounts

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
    try:
        while at < len(stream):
            size = dice.randint(1, 700)
            for message in framer.feed(stream[at : at + size]):
                assert len(message) <= MAX_HEAD + MAX_BODY + 4
            at += size
    except Malformed:
        return
    assert len(framer._buffer) <= MAX_HEAD + MAX_BODY + 4


class Nobody:
    """Takes every call and does nothing with it."""

    def __init__(self) -> None:
        self.offers = 0

    def allows(self, host: str) -> bool:
        return True

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        return None

    def offered(self, request: Request, flow: Flow) -> None:
        self.offers += 1


class SilentTransports(Transports):
    """Opens no socket, sends nothing."""

    def send(self, data: bytes, flow: Flow) -> bool:
        return True


async def test_an_endpoint_takes_anything_and_its_memory_stays_flat() -> None:
    counts, now, dice = FakeCounts(), 0.0, random.Random(3)
    endpoint = Endpoint(Nobody(), lambda: now, counts, rate=0)
    endpoint.transports = SilentTransports(endpoint)
    samples = (*SAMPLES, *REQUESTS)
    flow = Flow("UDP", "127.0.0.1", 5_999)
    for number in range(4_000):
        now += 0.01
        endpoint.received(mutated(dice.choice(samples), dice), flow)
        if number % 100 == 0:
            endpoint._tick()
            await asyncio.sleep(0)
    now += 200
    endpoint._tick()
    assert counts.seen["sip_dropped_total fault"] == 0
    # INVITEs that nobody answers wait for their user; all others are gone
    assert len(endpoint._layer) <= endpoint._acceptor.offers  # type: ignore[attr-defined]
    await endpoint.close()
