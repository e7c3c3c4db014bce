"""baresip as the peer: a softphone that plays a file into a plain call."""

import asyncio
import shutil
import wave
from pathlib import Path

import pytest

from media.sip.server import SipServer
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia
from tests.media.sip.test_sipp import free_port

BARESIP = shutil.which("baresip") or ""
MODULES = Path("/usr/lib/baresip/modules")
pytestmark = pytest.mark.skipif(
    not BARESIP or not (MODULES / "aufile.so").exists(),
    reason="baresip is missing: apt-get install baresip-core baresip-ffmpeg",
)


def configure(where: Path) -> None:
    """A profile of its own that plays 4 s of a quiet tone."""
    sound = where / "call.wav"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(
            b"".join((1_000 if n // 10 % 2 else -1_000).to_bytes(2, "little", signed=True) for n in range(32_000))
        )
    template = (Path(__file__).parents[2] / "data" / "baresip" / "config").read_text()
    port = str(free_port())
    (where / "config").write_text(template.replace("@SOUND@", str(sound)).replace("@PORT@", port))
    (where / "accounts").write_text(f"<sip:1001@127.0.0.1:{port}>;regint=0;audio_codecs=PCMU/8000/1\n")


async def test_softphone_is_heard_and_hangs_up(tmp_path: Path) -> None:
    configure(tmp_path)
    intake, media = FakeIntake(), FakeMedia()
    server = SipServer("127.0.0.1", 0, intake, media)
    await server.open()
    process = await asyncio.create_subprocess_exec(
        *(BARESIP, "-f", str(tmp_path), "-t", "3", "-e", f"d sip:5000@127.0.0.1:{server.port}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(20):
            await intake.begun()
            said, _ = await process.communicate()
            await media.sessions[0].ended.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await server.close(0.2)
    (offer,) = intake.offers
    assert (offer.protocol, offer.from_aor) == ("sip", "1001@127.0.0.1"), said.decode()
    assert media.sessions[0].heard(0)
    assert media.sessions[0].reason == "bye"
