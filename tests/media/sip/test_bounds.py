"""What somebody who wishes us ill can make us hold: little, and not for long."""

import asyncio
import contextlib

import pytest

from media.sip.layer import Flow
from media.sip.server import SipServer
from media.sip.transport import Listeners
from tests.media.sip.sip_fakes import FakeCounts, FakeIntake, FakeMedia, HandClock
from tests.media.sip.test_robustness import SDP, audio, bench

HEAD = "INVITE sip:5000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKslow\r\n"


@pytest.mark.parametrize("kind", ["TCP", "WS"])
async def test_who_never_finishes_a_message_is_closed(kind: str) -> None:
    """Byte after byte, so that no pause is long: what counts is how long the message takes."""
    listeners = Listeners(ws_port=0, message_s=0.05)
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), listeners=listeners)
    await server.open()
    transports = server.endpoint.transports
    text = HEAD if kind == "TCP" else "GET / HTTP/1.1\r\nHost: x\r\nX: " + "y" * 2_000
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", transports.local_port(kind))
        closed = asyncio.ensure_future(reader.read())
        with contextlib.suppress(ConnectionError):
            for letter in text * 50:
                writer.write(letter.encode())
                await writer.drain()
                await asyncio.wait([closed], timeout=0.001)
                if closed.done():
                    break
            await closed
        assert transports.connections == 0
        writer.close()
    await server.close(0)


async def test_a_body_that_is_announced_too_large_is_refused_before_it_comes() -> None:
    async with bench() as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        invite = it.peer.request("INVITE", it.peer.contact(), "Content-Type: application/sdp")
        writer.write(invite.replace(b"/UDP", b"/TCP").replace(b"Content-Length: 0", b"Content-Length: 900000000"))
        answer = await reader.read()  # to the end: the connection is closed
        assert answer.startswith(b"SIP/2.0 413")
        assert it.server.endpoint.transports.connections == 0
        writer.close()
        assert it.server.calls == 0


async def test_a_billion_laughs_are_not_laughed() -> None:
    """The metadata is passed over, its sound is taken: a call is not lost for its papers."""
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE recording [{lol}]><recording>&l9;</recording>'
    sdp = SDP.format(version=1, media=audio("1") + audio("2"))
    parts = (("application/sdp", sdp), ("application/rs-metadata+xml", bomb))
    body = "".join(f"--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts) + "--b--\r\n"
    async with bench() as it:
        kind = "Content-Type: multipart/mixed;boundary=b"
        it.peer.send(it.peer.request("INVITE", it.peer.contact(), "Require: siprec", kind, body=body))
        answer = await it.peer.final()
        assert answer.status == 200
        assert [participant.aor for participant in it.intake.offers[0].participants] == ["", ""]
        assert it.counts.seen["sip_dropped_total fault"] == 0


async def test_what_comes_faster_than_anybody_speaks_is_dropped() -> None:
    counts = FakeCounts()
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), clock=HandClock(), metrics=counts, rate=50)
    await server.open()
    for number in range(5_000):
        server.endpoint.received(b"x%d" % number, Flow("UDP", "127.0.0.1", 9))
    taken = counts.seen["sip_dropped_total malformed"]
    assert 0 < taken <= 100
    assert counts.seen["sip_dropped_total flood"] == 5_000 - taken
    await server.close(0)
