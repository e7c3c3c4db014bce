"""sipp as the peer: a real SIPREC source and a real caller, with RTP, over UDP and TCP."""

import asyncio
import contextlib
import random
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from media.sip.server import SipServer
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia

SIPP = shutil.which("sipp") or ""
SCENARIOS = Path(__file__).parents[2] / "data" / "sipp"
pytestmark = pytest.mark.skipif(not SIPP, reason="sipp is missing: apt-get install sip-tester")


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[SipServer, FakeIntake, FakeMedia]]:
    intake, media = FakeIntake(), FakeMedia()
    server = SipServer("127.0.0.1", 0, intake, media)
    await server.open()
    try:
        async with asyncio.timeout(30):
            yield server, intake, media
    finally:
        await server.close(0.2)


class Listening(Protocol):
    """A server of ours, or a proxy before it."""

    @property
    def port(self) -> int: ...


async def run_sipp(server: Listening, scenario: str, where: Path, *options: str) -> None:
    """Runs one scenario to its end; every call of it must succeed."""
    audio = where / "audio"
    audio.mkdir()
    noise = random.Random(7).randbytes(8_000 * 2)
    (audio / "a.ulaw").write_bytes(noise)
    (audio / "b.ulaw").write_bytes(noise)
    process = await asyncio.create_subprocess_exec(
        *(SIPP, f"127.0.0.1:{server.port}", "-sf", str(SCENARIOS / scenario), "-s", "5000"),
        *("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(free_port()), "-nostdin", "-timeout", "15s"),
        *("-trace_err", "-error_file", str(where / "errors")),
        *("-key", "rtp_sender", f"{sys.executable} {SCENARIOS / 'rtp_send.py'}", *options),
        cwd=where,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    said = (where / "errors").read_text() if (where / "errors").exists() else ""
    assert process.returncode == 0, errors.decode() + said


def free_port() -> int:
    """Over UDP and over TCP: a telephone listens on both, and gives up when either is taken."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET) as tcp:
            udp.bind(("127.0.0.1", 0))
            port = int(udp.getsockname()[1])
            with contextlib.suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                return port


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_siprec_source_with_two_legs_of_sound(tmp_path: Path, transport: str) -> None:
    async with serving() as (server, intake, media):
        await run_sipp(server, "siprec_uac.xml", tmp_path, "-m", "1", "-t", transport)
        (session,) = media.sessions
        assert intake.offers[0].protocol == "siprec"
        assert [p.aor for p in session.offer.participants] == ["+15550101@caller.example", "agent7@desk.example"]
        assert [session.heard(position) for position in (0, 1)] == [True, True]
        assert session.reason == "bye"


async def test_siprec_source_that_holds_resumes_and_names_people_late(tmp_path: Path) -> None:
    async with serving() as (server, _, media):
        await run_sipp(server, "siprec_hold.xml", tmp_path, "-m", "1")
        (session,) = media.sessions
        assert [p.aor for p in session.offer.participants] == ["", ""]
        assert [p.aor for p in session.participants] == ["+15550101@caller.example", "agent7@desk.example"]
        assert [step for step in session.history if step != "update"] == ["hold", "resume"]
        assert session.reason == "bye"


async def test_plain_callers_at_once(tmp_path: Path) -> None:
    async with serving() as (server, intake, media):
        await run_sipp(server, "uac_g711.xml", tmp_path, "-m", "5", "-r", "5")
        assert [offer.protocol for offer in intake.offers] == ["sip"] * 5
        assert len({offer.call_id for offer in intake.offers}) == 5
        assert {session.reason for session in media.sessions} == {"bye"}
        assert all(session.heard(0) for session in media.sessions)
