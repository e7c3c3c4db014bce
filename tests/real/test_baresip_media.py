"""baresip as a peer whose sound is wideband or protected: it is heard as the file that it plays."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest
import soxr

from engine.facts import Pcm16
from media.dtls_media import DtlsMedia, DtlsSession
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.rtp_session import RtpSession
from media.sip.server import SipServer
from media.vad import VadBank
from media.wav_file import read_channels
from media.webrtc.ports import LegPorts
from tests.media.sip.sip_fakes import FakeIntake
from tests.media.sip.test_baresip import BARESIP, MODULES
from tests.media.sip.test_sipp import free_port

CALL = Path(__file__).parents[1] / "data" / "call_15s.flac"
CONFIG = Path(__file__).parents[1] / "data" / "baresip" / "config"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not BARESIP or not (MODULES / "opus.so").exists() or not (MODULES / "aufile.so").exists(),
        reason="baresip is missing: apt-get install baresip-core baresip-ffmpeg",
    ),
]
START_MS, LENGTH_MS = 5000, 4000
"""Of the call: a stretch of speech."""


def spoken(rate_hz: int) -> Pcm16:
    sound = read_channels(CALL)[0][0][START_MS * 8 : (START_MS + LENGTH_MS) * 8]
    return np.asarray(soxr.resample(sound, 8000, rate_hz), np.int16)


def configure(where: Path, codec: str, rate_hz: int, encryption: str) -> None:
    sound = where / "call.wav"
    with wave.open(str(sound), "wb") as file:
        channels = 2 if codec.startswith("opus") else 1  # as its SDP says; aufile converts nothing
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(spoken(rate_hz), channels).tobytes())
    port = str(free_port())
    text = CONFIG.read_text().replace("@SOUND@", str(sound)).replace("@PORT@", port)
    text = text.replace("_srate 8000", f"_srate {rate_hz}")
    modules = "\n".join(f"module {name}.so" for name in ("g722", "opus", "srtp", "dtls_srtp"))
    (where / "config").write_text(text.replace("module g711.so", f"module g711.so\n{modules}"))
    media = f";mediaenc={encryption}" if encryption else ""
    (where / "accounts").write_text(f"<sip:1001@127.0.0.1:{port}>;regint=0;audio_codecs={codec}{media}\n")


def likeness(heard: Pcm16, sound: Pcm16) -> float:
    """Best correlation of the sound's middle second with any stretch of what was heard."""
    middle = sound[24_000:40_000].astype(float)
    spectrum = np.fft.rfft(heard, len(heard) * 2) * np.conj(np.fft.rfft(middle, len(heard) * 2))
    at = int(np.argmax(np.fft.irfft(spectrum)[: len(heard) - len(middle)]))
    return float(np.corrcoef(heard[at : at + len(middle)], middle)[0, 1])


@pytest.mark.parametrize(
    ("codec", "rate_hz", "encryption", "least"),
    [
        ("G722/16000/1", 16_000, "", 0.98),
        ("opus/48000/2", 48_000, "", 0.95),
        ("PCMU/8000/1", 8000, "srtp", 0.98),
        ("PCMU/8000/1", 8000, "srtp-mand", 0.98),
        ("G722/16000/1", 16_000, "srtp-mand", 0.98),
    ],
)
async def test_it_is_heard(codec: str, rate_hz: int, encryption: str, least: float, tmp_path: Path) -> None:
    configure(tmp_path, codec, rate_hz, encryption)
    intake = FakeIntake()
    async with RtpPlane(ports=PortRange(25_000, 25_099), bank=VadBank()) as plane:
        said = await called(SipServer("127.0.0.1", 0, intake, plane), intake, tmp_path)
    session = intake.sessions[0]
    assert isinstance(session, RtpSession)
    (stream,) = session.streams.values()
    assert stream.offer.codec == codec.partition("/")[0], said
    assert (stream.offer.srtp is not None) == bool(encryption), said
    assert stream.fates["played"] > 100, said
    # It opens and closes a protected line with RTCP in the clear, which is not taken.
    assert stream.fates.get("malformed", 0) <= (2 if encryption else 0)
    heard = session.audio(stream.offer.stream, 0, 8000)
    assert likeness(heard, spoken(16_000)) > least


async def test_it_is_heard_after_a_handshake(tmp_path: Path) -> None:
    configure(tmp_path, "PCMU/8000/1", 8000, "dtls_srtp")
    intake = FakeIntake()
    async with RtpPlane(ports=PortRange(25_000, 25_099), bank=VadBank()) as plane:
        media = DtlsMedia(plane, LegPorts())
        said = await called(SipServer("127.0.0.1", 0, intake, media), intake, tmp_path)
    session = intake.sessions[0]
    assert isinstance(session, DtlsSession), said
    heard = session.audio(session.offer.participants[0].stream, 0, 8000)
    assert likeness(heard, spoken(16_000)) > 0.98, said


async def called(server: SipServer, intake: FakeIntake, where: Path) -> str:
    """baresip calls, plays its file and hangs up; gives what it wrote."""
    await server.open()
    process = await asyncio.create_subprocess_exec(
        *(BARESIP, "-f", str(where), "-t", "7", "-e", f"d sip:5000@127.0.0.1:{server.port}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(25):
            await intake.begun()
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await server.close(0.2)
    return said.decode()
