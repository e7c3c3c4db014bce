"""The 49 messages of RFC 4475, each with the answer that it gets from a running server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from media.sip.layer import Flow
from media.sip.message import Response
from media.sip.server import SipServer
from media.sip.wire import parse_message
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia, RecordingTransports

MESSAGES = Path(__file__).parents[2] / "data" / "rfc4475"
SOURCE = Flow("UDP", "127.0.0.1", 5_062)
DROPPED = 0

OUTCOMES = {
    # valid (RFC 4475 §3.1.1), as far as a recording server serves them
    "wsinv": 481,  # has a To tag: a dialog that we do not know
    "intmeth": 501,
    "esc01": 200,
    "escnull": 405,  # we are no registrar
    "esc02": 501,
    "lwsdisp": 200,
    "longreq": 200,
    "dblreq": 405,  # what follows the body is not read
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,
    "unreason": DROPPED,  # an answer to nothing we asked
    "noreason": DROPPED,
    # not valid (§3.1.2)
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": DROPPED,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "escruri": 400,
    "baddate": 200,  # a date that we do not need may be wrong
    "regbadct": 400,
    "badaspec": 400,
    "baddn": 400,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": DROPPED,
    # transaction layer (§3.2)
    "badbranch": 200,
    # application layer (§3.3)
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": 405,
    "bext01": 420,
    "invut": 415,
    "regaut01": 405,
    "multi01": 400,
    "mcl01": 400,
    "bcast": DROPPED,
    "zeromf": 200,  # Max-Forwards concerns proxies
    "cparam01": 405,
    "cparam02": 405,
    "regescrt": 405,
    "sdp01": 406,
    # RFC 2543 (§3.4)
    "inv2543": 200,
}


@asynccontextmanager
async def wired() -> AsyncIterator[tuple[SipServer, RecordingTransports]]:
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia())
    wire = RecordingTransports(server.endpoint)
    server.endpoint.transports = wire
    try:
        yield server, wire
    finally:
        await server.close(0)


def test_every_message_has_its_outcome() -> None:
    assert sorted(path.stem for path in MESSAGES.glob("*.dat")) == sorted(OUTCOMES)


@pytest.mark.parametrize("name", sorted(OUTCOMES))
async def test_answer(name: str) -> None:
    async with wired() as (server, wire):
        server.endpoint.received((MESSAGES / f"{name}.dat").read_bytes(), SOURCE)
        if OUTCOMES[name] == DROPPED:
            assert wire.sent == []
        else:
            async with asyncio.timeout(5):
                await wire.final.wait()
            assert [status for status in wire.responses() if status >= 200] == [OUTCOMES[name]]


async def test_the_answers_name_what_is_wanted() -> None:
    async with wired() as (server, wire):
        for name in ("bext01", "invut", "mpart01"):
            server.endpoint.received((MESSAGES / f"{name}.dat").read_bytes(), SOURCE)
        finals = {message.status: message for message in map(parse_message, wire.sent) if isinstance(message, Response)}
        assert finals[420].headers.get("Unsupported") == "nothingSupportsThis, nothingSupportsThisEither"
        assert "application/sdp" in finals[415].headers.get("Accept")
        assert "INVITE" in finals[405].headers.listed("Allow")


async def test_all_of_them_at_once_leave_the_server_well() -> None:
    async with wired() as (server, wire):
        for path in sorted(MESSAGES.glob("*.dat")):
            server.endpoint.received(path.read_bytes(), SOURCE)
        wire.sent.clear()
        server.endpoint.received((MESSAGES / "zeromf.dat").read_bytes().replace(b"kkdjuw", b"another"), SOURCE)
        assert wire.responses()[-1:] == [200]
