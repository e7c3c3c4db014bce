"""baresip as a softphone that calls over TLS, and hears from us over that connection."""

import asyncio
from pathlib import Path

import pytest

from media.sip.server import SipServer
from media.sip.tls import server_context
from media.sip.transport import Listeners
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia
from tests.media.sip.test_baresip import BARESIP, MODULES, configure
from tests.media.sip.test_sipp import free_port
from tests.media.sip.test_transport import certify

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not BARESIP or not (MODULES / "aufile.so").exists(),
        reason="baresip is missing: apt-get install baresip-core baresip-ffmpeg",
    ),
]


def configure_tls(where: Path, pem: str) -> None:
    configure(where)
    port = free_port()
    settings = (where / "config").read_text()
    lines = [line for line in settings.splitlines() if not line.startswith("sip_listen")]
    lines += [f"sip_listen 127.0.0.1:{port}", f"sip_certificate {pem}", f"sip_cafile {pem}"]
    (where / "config").write_text("\n".join([*lines, ""]))
    account = f"<sip:1001@127.0.0.1:{port};transport=tls>;regint=0;audio_codecs=PCMU/8000/1\n"
    (where / "accounts").write_text(account)


@pytest.mark.parametrize("hangs_up", ["baresip", "we"])
async def test_softphone_over_tls(hangs_up: str, tmp_path: Path) -> None:
    pem = certify(tmp_path)
    configure_tls(tmp_path, pem)
    intake, media = FakeIntake(), FakeMedia()
    listeners = Listeners(tls_port=0, server_tls=server_context(pem))
    server = SipServer("127.0.0.1", 0, intake, media, listeners=listeners)
    await server.open()
    port = server.endpoint.transports.local_port("TLS")
    seconds = "3" if hangs_up == "baresip" else "8"
    process = await asyncio.create_subprocess_exec(
        *(BARESIP, "-f", str(tmp_path), "-t", seconds, "-e", f"d sip:5000@127.0.0.1:{port};transport=tls"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = b""
    try:
        async with asyncio.timeout(20):
            await intake.begun()
            if hangs_up == "we":
                await media.sessions[0].until(lambda session: session.heard(0))
                await server.close(2.0)
            said, _ = await process.communicate()
            await media.sessions[0].ended.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await server.close(0.2)
    assert intake.offers[0].peer.endswith("/tls"), said.decode()
    assert media.sessions[0].heard(0)
    assert media.sessions[0].reason == ("bye" if hangs_up == "baresip" else "shutdown")
    if hangs_up == "we":
        assert b"terminated" in said or b"Connection reset" in said or b"session closed" in said, said.decode()
