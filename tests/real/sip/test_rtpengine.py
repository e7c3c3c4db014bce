"""A call between two sipp telephones through Kamailio and rtpengine, which we hear by asking rtpengine for it."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.control.peers import Peer
from engine.control.roles import decide_roles
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.sip.server import SipServer
from media.sockets.ng import NgClient, NgError
from media.sockets.rtpengine import Rtpengine
from tests.media.sip.test_sipp import SIPP, free_port
from tests.media.sockets.site import bank
from tests.media.sockets.speech import FRAME, best_correlation, to_ulaw, voices
from tests.media.sockets.test_called import Intake
from tests.media.sockets.test_interop import ROUTING
from tests.real.kamailio import KAMAILIO, kamailio
from tests.real.telephone import give_voices, telephone

RTPENGINE = shutil.which("rtpengine") or ""
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (RTPENGINE and KAMAILIO and SIPP),
        reason="a peer is missing: apt-get install rtpengine-daemon kamailio sip-tester",
    ),
]
SPEAKS_S = 3


@asynccontextmanager
async def rtpengine(where: Path) -> AsyncIterator[int]:
    """One in user space: no kernel module, no privilege. The port of its NG protocol. Without `delete-delay=0` it
    keeps a call for half a minute after its end, and so should we."""
    where.mkdir()
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(RTPENGINE, "--config-file=none", "--foreground", "--log-stderr", "--table=-1", "--num-threads=1"),
        *(
            "--interface=lo/127.0.0.1",
            f"--listen-ng=127.0.0.1:{port}",
            "--port-min=32000",
            "--port-max=32099",
            "--delete-delay=0",
        ),
        cwd=where,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        asking = NgClient("127.0.0.1", port, tries_s=(0.1, 0.2, 0.4, 0.8, 1.6))
        await asking.open()
        try:
            await asking.ask("ping")
        except NgError:
            pytest.fail("rtpengine does not start")
        finally:
            asking.close()
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def relayed(ng_port: int) -> int:
    """Packets of its only call, once it has relayed some; -1 when that call is gone first."""
    asking = NgClient("127.0.0.1", ng_port)
    await asking.open()
    packets = 0
    try:
        while 0 <= packets <= 20:
            await asyncio.sleep(0.05)
            calls = (await asking.ask("list", limit=10))["calls"]
            found = await asking.ask("query", call_id=calls[0]) if calls else {}
            packets = found["totals"]["RTP"]["packets"] if found else -1
    finally:
        asking.close()
    return packets


@pytest.mark.interop("rtpengine", "connects")
@pytest.mark.interop("rtpengine", "legs right")
@pytest.mark.interop("rtpengine", "audio exact")
async def test_a_call_that_rtpengine_relays_is_heard_from_both_sides(tmp_path: Path) -> None:
    give_voices(tmp_path)
    intake = Intake()
    async with (
        asyncio.timeout(40),
        rtpengine(tmp_path / "rtpengine") as ng_port,
        RtpPlane("127.0.0.1", PortRange(31_200, 31_299), bank=bank()) as plane,
        telephone("called_speaks.xml", tmp_path) as called,
        kamailio(tmp_path / "kam", next_hop=f"sip:127.0.0.1:{called}", ng_port=ng_port) as proxy,
    ):
        peer = Peer("edge", "rtpengine", url=f"127.0.0.1:{ng_port}", number="+34910000000")
        engine = Rtpengine(peer, intake, plane, look_every_s=0.05)
        await engine.open()
        try:
            where = f"127.0.0.1:{proxy.port}"
            async with telephone("caller_speaks.xml", tmp_path, where, "-s", "5000"):
                await intake.begun()
            assert await intake.reason() == "bye"
        finally:
            await engine.close()
        (session,) = intake.sessions
        assert session.offer.protocol == "rtpengine"
        assert session.offer.correlation["call-id"]
        roles = {one.stream: one.role for one in decide_roles(session.offer.participants, ROUTING)}
        assert roles == {"0": "customer", "1": "agent"}  # who offered first is the caller
        for place, voice in enumerate(voices()):
            heard = session.audio(str(place), 0, (SPEAKS_S + 1) * 1000)
            # we came after the first words; what follows is whole
            assert best_correlation(heard, voice[8000 : SPEAKS_S * 8000]) > 0.99


async def test_a_call_to_us_whose_sound_goes_through_rtpengine(tmp_path: Path) -> None:
    give_voices(tmp_path)
    intake = Intake()
    async with (
        asyncio.timeout(40),
        rtpengine(tmp_path / "rtpengine") as ng_port,
        RtpPlane("127.0.0.1", PortRange(31_400, 31_499), bank=bank()) as plane,
    ):
        server = SipServer("127.0.0.1", 0, intake, plane)
        await server.open()
        try:
            async with (
                kamailio(tmp_path / "kam", next_hop=f"sip:127.0.0.1:{server.port}", ng_port=ng_port) as proxy,
                telephone("proxied_bye.xml", tmp_path, f"127.0.0.1:{proxy.port}"),
            ):
                await intake.begun()
                assert await relayed(ng_port) > 20
                assert await intake.reason() == "bye"
        finally:
            await server.close(0.2)
        (session,) = intake.sessions
        for stream, voice in zip(("1", "2"), voices(), strict=True):
            assert best_correlation(session.audio(stream, 0, 2_000), voice[:4_000]) > 0.99


def sdp(port: int) -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
    )


def port_in(answer: dict[str, object]) -> int:
    return int(next(line for line in str(answer["sdp"]).splitlines() if line.startswith("m=audio")).split()[1])


@pytest.mark.interop("rtpengine", "change")
async def test_whoever_takes_a_call_over_is_heard(tmp_path: Path) -> None:
    """What a proxy asks of rtpengine when somebody comes in place of the called side: an offer of another tag."""
    intake = Intake()
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    async with (
        asyncio.timeout(40),
        rtpengine(tmp_path / "rtpengine") as ng_port,
        RtpPlane("127.0.0.1", PortRange(31_600, 31_699), bank=bank()) as plane,
    ):
        proxy = NgClient("127.0.0.1", ng_port)
        await proxy.open()
        peer = Peer("edge", "rtpengine", url=f"127.0.0.1:{ng_port}", number="+34910000000")
        engine = Rtpengine(peer, intake, plane, look_every_s=3600)
        await engine.open()
        try:
            await proxy.ask("offer", call_id="x", from_tag="a", sdp=sdp(ports[0]))
            await proxy.ask("answer", call_id="x", from_tag="a", to_tag="b", sdp=sdp(ports[1]))
            await engine.look()
            assert engine.calls == 1
            await proxy.ask("offer", call_id="x", from_tag="c", to_tag="a", sdp=sdp(ports[2]))
            answered = await proxy.ask("answer", call_id="x", from_tag="c", to_tag="a", sdp=sdp(ports[0]))
            await engine.look()
            (session,) = intake.sessions
            voice = to_ulaw(voices()[1])
            for number in range(SPEAKS_S * 50):
                header = b"\x80\x00" + number.to_bytes(2) + (number * FRAME).to_bytes(4) + b"cccc"
                sound = voice[number * FRAME : (number + 1) * FRAME]
                sockets[2].sendto(header + sound, ("127.0.0.1", port_in(answered)))
                await asyncio.sleep(0.02)
            assert best_correlation(session.audio("2", 0, 5_000), voices()[1][: SPEAKS_S * 8_000]) > 0.99
            await proxy.ask("delete", call_id="x")
            await engine.look()
            assert await intake.reason() == "bye"
        finally:
            await engine.close()
            proxy.close()
            for one in sockets:
                one.close()
